"""Modes 3 and 4 search the index that is stored, not one made anew."""

import numpy as np

from imagededup.fastdup import run, save_binary_feature


def similarity_of_new(folder, faiss_mode):
    """What mode 4 finds for other features in an index of this kind."""
    generator = np.random.default_rng(0)
    stored, new = generator.standard_normal((2, 400, 32)).astype(np.float32)
    save_binary_feature(folder / "stored", [f"{number}.jpg" for number in range(400)], stored)
    save_binary_feature(folder / "new", [f"new{number}.jpg" for number in range(400)], new)
    assert run(work_dir=folder / "stored", run_mode=2, faiss_mode=faiss_mode) == 0
    assert run(folder / "new", folder / "stored", run_mode=4, threshold=0) == 0
    return (folder / "stored" / "query_similarity.csv").read_text()


def test_a_coarse_index_misses_what_a_complete_one_finds(tmp_path):
    complete = similarity_of_new(tmp_path / "complete", "Flat")
    coarse = similarity_of_new(tmp_path / "coarse", "LSH")
    assert complete.count("\n") == coarse.count("\n") == 801
    best = [
        {line.split(",")[0]: float(line.split(",")[2]) for line in reversed(text.split()[1:])}
        for text in (complete, coarse)
    ]
    assert all(best[0][name] >= best[1][name] for name in best[0])
    assert sum(best[0][name] > best[1][name] for name in best[0]) > 20
