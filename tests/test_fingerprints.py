"""Fingerprints of encoders: codes of equal ones can be mixed."""

import pickle

import pytest

from imagededup.errors import ModelError
from imagededup.methods import CNN, AHash, DHash, PHash, WHash
from imagededup.models import CustomModel
from tests.test_models import onnx_of_mean_colour


def fingerprints(*encoders):
    return [encoder._fingerprint() for encoder in encoders]


def test_a_hash_is_its_method_and_the_way_that_it_decodes():
    assert PHash()._fingerprint() == "phash full_decode=False version=1"
    hashes = [
        kind(full_decode=full) for kind in (PHash, DHash, AHash, WHash) for full in (False, True)
    ]
    assert len(set(fingerprints(*hashes))) == 8


def test_what_changes_no_code_changes_no_fingerprint():
    copy = pickle.loads(pickle.dumps(PHash()))
    assert len(set(fingerprints(PHash(), PHash(verbose=False), copy))) == 1
    assert len(set(fingerprints(CNN(), CNN(dim=1024), CNN(verbose=False, device="cpu")))) == 1


def test_descriptors_are_told_apart_by_length_model_and_preparation(tmp_path):
    model = onnx_of_mean_colour(tmp_path / "a.onnx")
    other = onnx_of_mean_colour(tmp_path / "b.onnx", factor=2)
    found = fingerprints(CNN(), CNN(dim=576), *(CNN(False, one) for one in (model, other)))
    assert len(set(found)) == 4
    assert CNN(False, model)._fingerprint() == found[2]


def test_a_callable_has_none():
    model = CustomModel("mine", lambda batch: batch, lambda image: image)
    assert CNN(False, model)._fingerprint() is None


def test_a_model_that_is_gone(tmp_path):
    encoder = CNN(False, onnx_of_mean_colour(tmp_path / "a.onnx"))
    (tmp_path / "a.onnx").unlink()
    with pytest.raises(ModelError, match="the file of the model cannot be read"):
        encoder._fingerprint()
