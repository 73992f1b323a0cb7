"""Prints the figures that docs/audit.md quotes, from the result.json of each audit."""

import json
import pathlib
import sys


def number(estimate):
    if estimate is None:
        return "-"
    if estimate['lo'] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['lo']:.3f}, {estimate['hi']:.3f}]"


for name in ("cells-grid", "cells-bands", "cells-bands-same-type", "tumours"):
    result = json.loads((pathlib.Path(sys.argv[1]) / name / "result.json").read_text())
    reliance = result["reliance"]
    print(f"\n{name}: {result['model']}; AUC {number(reliance['auc_std'])} on {reliance['n']} rows")
    print("| block | necessity | sufficiency | best alone | verdict |")
    print("|---|---|---|---|---|")
    for block in reliance["blocks"]:
        cells = [number(block[key]) for key in ("necessity", "sufficiency", "solo_auc")]
        print("|", " | ".join([block["name"], *cells, block["verdict"]]), "|")
    for block in reliance["blocks"]:
        for stratum in block.get("strata", []):
            print(
                f"  {block['name']}, {stratum['column']} = {stratum['value']} ({stratum['n']} rows):"
                f" AUC {number(stratum['auc_std'])}, without the block {number(stratum['auc_rand'])}"
            )
    for remedy in result["remedies"]:
        blocks = remedy["sufficient_blocks"]
        robust = [side and side["at"][0]["accuracy"] for side in (result["robustness"], remedy["robustness"])]
        print(
            f"  {remedy['remedy']}: AUC {number(remedy['reliance']['auc_std'])},"
            f" sufficient blocks {blocks['before']} -> {blocks['after']},"
            f" accuracy under attack {number(robust[0])} -> {number(robust[1])}"
        )
