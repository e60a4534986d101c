"""The style of the page: one column on a phone, light and dark, nothing fetched."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --card: #f6f7f9; --ink: #16181d; --soft: #545b68;
  --rule: #d9dde4; --good: #0f6b3a; --bad: #a8201a; --open: #7a5200; --s0: #0b62c4; --s1: #6d28d9;
  --s2: #0e7f6e; --s3: #be185d; --s4: #a16207; --s5: #1e7fa8; --s6: #636b78; --s7: #9a6b4f;
  --win: #2f8f5b; --tie: #c3c8d1; --loss: #c4524c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1d2026; --ink: #eceef2;
  --soft: #a7afbd; --rule: #363b45; --good: #62d394; --bad: #ff8a80; --open: #f0bd5a;
  --s0: #6db1ff; --s1: #b79bff; --s2: #4fd1bd; --s3: #ff8fc0; --s4: #e6b74a; --s5: #76cdf0;
  --s6: #a3abb9; --s7: #d8a98c; --win: #3f9f6b; --tie: #4b515d; --loss: #b9544e; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 56px; }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0 0 14px; color: var(--soft); }
h2 { font-size: 1.3rem; margin: 44px 0 10px; padding-top: 14px; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 0 0 2px; }
p { margin: 0 0 10px; max-width: 76ch; }
.headline { font-size: clamp(1.35rem, 1rem + 1.9vw, 2rem); line-height: 1.25; font-weight: 650;
  margin: 0 0 14px; max-width: 34em; text-wrap: balance; }
.headline.good { color: var(--good); } .headline.bad { color: var(--bad); }
.headline.open { color: var(--open); }
.lead { font-size: 1.1rem; } .soft, figcaption, small { color: var(--soft); }
.warn { border-left: 4px solid var(--open); padding: 8px 12px; background: var(--card); }
.cards { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr));
  margin: 22px 0 0; padding: 0; list-style: none; }
.cards li { background: var(--card); border-radius: 10px; padding: 14px 16px; }
.cards b { display: block; font-size: 1.7rem; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.charts { display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
figure { margin: 0; background: var(--card); border-radius: 10px; padding: 14px 16px;
  min-width: 0; }
figcaption { font-size: .9rem; margin-bottom: 8px; }
figcaption h3 { color: var(--ink); }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif;
  fill: var(--soft); }
svg .name { fill: var(--ink); }
svg .grid { stroke: var(--rule); fill: none; } svg .reference { stroke: var(--soft);
  stroke-dasharray: 3 4; fill: none; }
svg .line { fill: none; stroke-width: 2; } svg .dashed { stroke-dasharray: 5 4; }
svg .mark { stroke: var(--card); stroke-width: 1; }
.win { fill: var(--win); background: var(--win); } .tie { fill: var(--tie);
  background: var(--tie); }
.loss { fill: var(--loss); background: var(--loss); }
svg .on-win, svg .on-loss { fill: #fff; font-weight: 600; } svg .on-tie { fill: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 6px; padding: 0;
  list-style: none;
  font-size: .9rem; }
.legend svg { width: 14px; height: 14px; display: inline-block; vertical-align: -2px;
  margin-right: 5px; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px;
  border-radius: 2px; }
.scroll { overflow-x: auto; max-width: 100%;
  } .scroll:focus-visible { outline: 2px solid var(--s0); }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; }
th, td { text-align: left; padding: 5px 18px 5px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
thead th { font-weight: 600; } tbody th { font-weight: 500; position: sticky; left: 0;
  background: var(--paper); }
figure tbody th { background: var(--card); } td small { display: block;
  white-space: nowrap; }
.settings td { overflow-wrap: anywhere; }
details { margin-top: 10px; font-size: .92rem; } summary { cursor: pointer; color: var(--soft); }
dt { font-weight: 600; margin-top: 10px; } dd { margin: 0; max-width: 76ch; }
footer { margin-top: 44px; color: var(--soft); font-size: .88rem; }
@media (max-width: 480px) { main { padding: 18px 14px 40px; } figure { padding: 12px; } }
@media print { figure { break-inside: avoid; } details > * { display: block; } }
""" + "".join(
    f"svg .s{n} {{ stroke: var(--s{n}); }} svg .mark.s{n} {{ fill: var(--s{n}); }}\n"
    for n in range(8)
)
