"""What is asked of a peer, in its own environment: no lmf here.

python peer_worker.py PEER malformed CASE      fit a matrix somebody broke; print what came of it
python peer_worker.py PEER save TARGET         save a model over and over, to be killed
python peer_worker.py PEER load TARGET         load it
python peer_worker.py PEER digest THREADS      fit, print a digest of the factors
"""

import hashlib
import pickle
import sys

import numpy as np
import scipy.sparse

N_USERS, N_ITEMS = 400, 200
NAN, INF = float("nan"), float("inf")
CASES = {
    "column out of range": ("indices", 5, N_ITEMS),
    "column far out of range": ("indices", 5, 2**31 - 1),
    "negative column": ("indices", 5, -1),
    "indptr beyond the entries": ("indptr", -1, 10**6),
    "indptr that falls": ("indptr", 5, 0),
    "negative indptr": ("indptr", 5, -7),
    "NaN": ("data", 5, NAN),
    "infinity": ("data", 5, INF),
    "1e38": ("data", 5, 1e38),
}


def matrix(case=None):
    random = np.random.default_rng(0)
    dense = (random.random((N_USERS, N_ITEMS)) < 0.1) * random.integers(1, 6, (N_USERS, N_ITEMS))
    made = scipy.sparse.csr_matrix(dense.astype(np.float32))
    if case:
        part, place, value = CASES[case]
        getattr(made, part)[place] = value
    return made


def fitted(peer, made, threads=1):
    """A fitted model and its factors."""
    if peer == "implicit":
        from implicit.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=16, iterations=5, random_state=0, num_threads=threads
        )
        model.fit(made, show_progress=False)
        return model, [model.user_factors, model.item_factors]
    if peer == "irspack":
        from irspack import IALSRecommender

        model = IALSRecommender(
            made, n_components=16, train_epochs=5, random_seed=0, n_threads=threads
        ).learn()
        return model, [model.get_user_embedding(), model.get_item_embedding()]
    if peer == "surprise":
        import pandas as pd
        from surprise import SVD, Dataset, Reader

        rows = made.tocoo()
        table = pd.DataFrame({"user": rows.row, "item": rows.col, "rating": rows.data})
        data = Dataset.load_from_df(table, Reader(rating_scale=(1, 5))).build_full_trainset()
        model = SVD(n_factors=16, n_epochs=5, random_state=0).fit(data)
        return model, [model.pu, model.qi]
    from sklearn.decomposition import NMF

    model = NMF(n_components=16, max_iter=20, random_state=0, init="nndsvda")
    return model, [model.fit_transform(made), model.components_]


def write(peer, model, target):
    """As the peer's documentation says to; pickle where it says nothing."""
    if peer == "implicit":
        model.save(target)
    elif peer == "surprise":
        from surprise import dump

        dump.dump(target, algo=model)
    elif peer == "sklearn":
        import joblib

        joblib.dump(model, target)
    else:
        with open(target, "wb") as file:
            pickle.dump(model, file)


def read(peer, target):
    if peer == "implicit":
        from implicit.cpu.als import AlternatingLeastSquares

        AlternatingLeastSquares.load(target)
    elif peer == "surprise":
        from surprise import dump

        dump.load(target)
    elif peer == "sklearn":
        import joblib

        joblib.load(target)
    else:
        with open(target, "rb") as file:
            pickle.load(file)


def main():
    peer, what, argument = sys.argv[1:]
    if what == "malformed":
        _, factors = fitted(peer, matrix(argument))
        finite = all(np.isfinite(np.asarray(one)).all() for one in factors)
        print("ANSWER finite" if finite else "ANSWER not finite")
    elif what == "save":
        big = matrix()
        big = scipy.sparse.vstack([big] * 25).tocsr()
        model, _ = fitted(peer, big)
        write(peer, model, argument)
        read(peer, argument)  # a file saved in peace loads, or a kill would prove nothing
        print("READY", flush=True)
        while True:
            write(peer, model, argument)
    elif what == "load":
        read(peer, argument)
        print("ANSWER loaded")
    else:
        _, factors = fitted(peer, matrix(), int(argument))
        print(
            "ANSWER",
            hashlib.sha256(
                b"".join(np.ascontiguousarray(one).tobytes() for one in factors)
            ).hexdigest(),
        )


main()
