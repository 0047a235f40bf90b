"""What editors and the reference show of functions whose parameters are written elsewhere."""

import inspect
from collections.abc import Sequence
from os import PathLike

import pytest

from imagededup import fastdup
from imagededup.methods import CNN, AHash, DHash, PHash, WHash
from imagededup.methods.results import Duplicates
from imagededup.sources.places import Sources

HASHES = [PHash, DHash, AHash, WHash]
FOLDER = str | PathLike[str] | Sequence[str | PathLike[str]] | Sources | None


def parameters(function):
    """Names with defaults, in order."""
    found = inspect.signature(function).parameters.values()
    return {parameter.name: parameter.default for parameter in found if parameter.name != "self"}


class TestSearches:
    SEARCH = {
        "search_method": "auto",
        "recursive": False,
        "num_enc_workers": None,
        "num_dist_workers": None,
        "against": None,
    }
    VERIFICATION = {"verify": "auto", "candidates": 10, "relations": None}
    INPUT = {"image_dir": None, "encoding_map": None}

    @pytest.mark.parametrize("encoder", HASHES)
    def test_of_a_hash(self, encoder):
        threshold = {"max_distance_threshold": 10}
        expected = self.INPUT | threshold | self.SEARCH | self.VERIFICATION
        assert parameters(encoder.search) == expected
        assert list(parameters(encoder.search)) == list(expected)

    def test_of_the_cnn(self):
        order = ["recursive", "num_enc_workers", "num_dist_workers", "search_method", "against"]
        threshold = {"min_similarity_threshold": 0.9}
        expected = self.INPUT | threshold | self.SEARCH | self.VERIFICATION
        assert parameters(CNN.search) == expected
        names = [*self.INPUT, *threshold, *order, *self.VERIFICATION]
        assert list(parameters(CNN.search)) == names

    def test_verification_is_asked_for_by_name(self):
        for search in (PHash.search, CNN.find_duplicates, CNN.find_duplicates_to_remove):
            found = inspect.signature(search).parameters
            kinds = {found[name].kind for name in self.VERIFICATION}
            assert kinds == {inspect.Parameter.KEYWORD_ONLY}

    @pytest.mark.parametrize(("encoder", "number"), [(PHash, int), (CNN, float)])
    def test_types(self, encoder, number):
        found = inspect.signature(encoder.search)
        types = {name: parameter.annotation for name, parameter in found.parameters.items()}
        name = encoder.threshold_name
        assert types.pop("self") is inspect.Parameter.empty
        assert inspect.Parameter.empty not in types.values()
        assert (types[name], types["recursive"], types["search_method"]) == (number, bool, str)
        assert types["num_dist_workers"] == types["num_enc_workers"] == int | None
        assert types["image_dir"] == FOLDER
        assert found.return_annotation is Duplicates

    def test_find_duplicates_to_remove_has_the_rule_behind_the_search(self):
        names = list(parameters(PHash.find_duplicates_to_remove))
        assert names[3:] == ["outfile", *self.SEARCH, "keep", *self.VERIFICATION]
        assert parameters(PHash.find_duplicates_to_remove)["keep"] == "first"

    @pytest.mark.parametrize("search", ["find_duplicates", "find_duplicates_to_remove"])
    def test_docstrings_name_the_parameters_that_there_are(self, search):
        for encoder in [*HASHES, CNN]:
            text = getattr(encoder, search).__doc__
            assert f"            {encoder.threshold_name}: " in text
            assert "            threshold: " not in text
            for name in parameters(getattr(encoder, search)):
                assert f"            {name}: " in text

    def test_docstrings_differ_where_encoders_do(self):
        assert "Hamming distance" in PHash.find_duplicates.__doc__
        assert "'multi_index'" in PHash.find_duplicates.__doc__
        assert "cosine similarity" in CNN.find_duplicates.__doc__
        assert "'ivf'" in CNN.find_duplicates.__doc__
        assert max(map(len, CNN.find_duplicates.__doc__.splitlines())) <= 100

    def test_they_stay_what_they_are_called(self):
        assert PHash.search.__name__ == "search"
        assert PHash(verbose=False).verbose is False
        assert PHash().verbose is True


class TestRun:
    def test_parameters_and_result(self):
        found = inspect.signature(fastdup.run)
        assert found.return_annotation is int
        assert list(found.parameters)[:2] == ["input_dir", "work_dir"]
        assert list(found.parameters)[-1] == "verify"
        assert inspect.Parameter.empty not in [
            parameter.annotation for parameter in found.parameters.values()
        ]

    def test_docstring(self):
        text = inspect.getdoc(fastdup.run)
        assert text.startswith("Extract features")
        for name in parameters(fastdup.run):
            assert f"\n    {name}: " in text
        assert [text.index(part) for part in ("Args:", "Returns:", "Raises:")] == sorted(
            text.index(part) for part in ("Args:", "Returns:", "Raises:")
        )
