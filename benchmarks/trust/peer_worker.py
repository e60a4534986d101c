"""What is asked of a peer, in its own environment, and of lmf in ours, by the same lines.

python peer_worker.py PEER malformed CASE      fit a matrix somebody broke; print what came of it
python peer_worker.py PEER save TARGET EVENTS  a saver, to be killed, for each line of input
python peer_worker.py PEER load TARGET         load it for each line, print a digest or the error
python peer_worker.py PEER digest THREADS      fit, print a digest of the factors
"""

import hashlib
import os
import pickle
import signal
import sys
import tempfile
import time

import numpy as np
import scipy.sparse

N_USERS, N_ITEMS = 2000, 400
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
    dense = (random.random((N_USERS, N_ITEMS)) < 0.05) * random.integers(1, 6, (N_USERS, N_ITEMS))
    made = scipy.sparse.csr_matrix(dense.astype(np.float32))
    if case:
        part, place, value = CASES[case]
        getattr(made, part)[place] = value
    return made


def fitted(peer, made, threads=1):
    """A fitted model."""
    if peer == "lmf":
        import lmf

        return lmf.WeightedMF(n_factors=64, epochs=5, seed=0, n_threads=threads).fit(made)
    if peer == "implicit":
        from implicit.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=64, iterations=5, random_state=0, num_threads=threads
        )
        model.fit(made, show_progress=False)
        return model
    if peer == "irspack":
        from irspack import IALSRecommender

        return IALSRecommender(
            made, n_components=64, train_epochs=5, random_seed=0, n_threads=threads
        ).learn()
    if peer == "surprise":
        from surprise import SVD, Dataset, Reader

        rows = made.tocoo()
        with tempfile.NamedTemporaryFile("w") as file:
            for row in zip(rows.row, rows.col, rows.data, strict=True):
                print(*row, file=file)
            file.flush()
            reader = Reader(line_format="user item rating", sep=" ", rating_scale=(1, 5))
            data = Dataset.load_from_file(file.name, reader).build_full_trainset()
        return SVD(n_factors=64, n_epochs=5, random_state=0).fit(data)
    from sklearn.decomposition import NMF

    model = NMF(n_components=64, max_iter=20, random_state=0, init="nndsvda")
    model.user_factors = model.fit_transform(made)
    return model


def factors(peer, model):
    if peer == "lmf":
        return [model.factors_.user_factors, model.factors_.item_factors]
    if peer == "implicit":
        return [model.user_factors, model.item_factors]
    if peer == "irspack":
        return [model.get_user_embedding(), model.get_item_embedding()]
    if peer == "surprise":
        return [model.pu, model.qi]
    return [model.user_factors, model.components_]


def digest(peer, model):
    parts = (np.ascontiguousarray(one).tobytes() for one in factors(peer, model))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def write(peer, model, target):
    """As the peer's documentation says to; pickle where it says nothing."""
    if peer in ("lmf", "implicit"):
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
    if peer == "lmf":
        import lmf

        return lmf.load(target)
    if peer == "implicit":
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares.load(target)
    if peer == "surprise":
        from surprise import dump

        return dump.load(target)[1]
    if peer == "sklearn":
        import joblib

        return joblib.load(target)
    with open(target, "rb") as file:
        return pickle.load(file)


def serve_saves(peer, target, events):
    """For each line of input a process that saves over the model until it is killed.

    It writes "(" to the file of events before a save and ")" after it.
    """
    model = fitted(peer, matrix())
    write(peer, model, target)
    started = time.perf_counter()
    write(peer, model, target)
    seconds = time.perf_counter() - started
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ANSWER", seconds, digest(peer, model), flush=True)
    for _ in sys.stdin:
        seen = os.open(events, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        child = os.fork()
        if not child:
            while True:
                os.write(seen, b"(")
                write(peer, model, target)
                os.write(seen, b")")
        os.close(seen)
        print("ANSWER", child, flush=True)


def serve_loads(peer, target):
    for _ in sys.stdin:
        try:
            print("ANSWER", digest(peer, read(peer, target)), flush=True)
        except Exception as error:
            print("ANSWER", type(error).__name__, flush=True)


def main():
    peer, what, *more = sys.argv[1:]
    if what == "malformed":
        found = factors(peer, fitted(peer, matrix(more[0])))
        finite = all(np.isfinite(np.asarray(one)).all() for one in found)
        print("ANSWER finite" if finite else "ANSWER not finite")
    elif what == "save":
        serve_saves(peer, *more)
    elif what == "load":
        serve_loads(peer, *more)
    else:
        print("ANSWER", digest(peer, fitted(peer, matrix(), int(more[0]))))


main()
