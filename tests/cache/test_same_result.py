"""With a cache encoders give what they give without one, to the bit, however warm it is."""

import os
import shutil
import tarfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from imagededup.cache import surroundings as surroundings_module
from imagededup.images.measure import MEASURES
from imagededup.methods import CNN, AHash, DHash, PHash, WHash, cnn
from imagededup.methods.encoder import encode_together
from imagededup.methods.encoding import encode_files
from imagededup.models import CustomModel
from imagededup.report.look import encode_and_measure
from imagededup.sources.limits import limits, set_limits
from imagededup.sources.listing import list_images
from tests.cache.conftest import decoded_names, let_settle, wait_for_next_tick
from tests.conftest import photograph
from tests.test_models import onnx_of_mean_colour

ENCODERS = [PHash, DHash, AHash, WHash, CNN]


def found(encoder, folder, workers=1):
    """Everything that encoding a folder gives, in a form that can be compared."""
    (images,) = encode_files([encoder], list_images(folder, True), workers)
    return comparable(images)


def comparable(images):
    codes = images.codes.dtype, images.codes.shape, images.codes.tobytes()
    return images.names, codes, images.plain, images.failures


@pytest.mark.parametrize("kind", ENCODERS)
def test_cold_and_warm(pictures, tmp_path, kind, monkeypatch):
    plain = found(kind(False), pictures)
    cached = kind(False, cache_dir=tmp_path / "cache")
    assert found(cached, pictures) == plain
    with decoded_names(monkeypatch) as decoded:
        assert found(cached, pictures) == plain
        assert found(kind(False, cache_dir=str(tmp_path / "cache")), pictures, 3) == plain
    assert set(decoded) == {"broken.jpg"}  # failures are not kept


def test_what_users_see_is_the_same(pictures, tmp_path):
    for encoder in (PHash(False), PHash(False, cache_dir=tmp_path / "cache")) * 2:
        encoded = encoder.encode_images(pictures, recursive=True)
        result = encoder.find_duplicates(pictures, recursive=True, scores=True)
        assert (encoded, result) == (
            PHash(False).encode_images(pictures, recursive=True),
            PHash(False).find_duplicates(pictures, recursive=True, scores=True),
        )


def test_several_encoders_that_decode_together(pictures, tmp_path, monkeypatch):
    plain = encode_together([kind(False) for kind in ENCODERS], pictures, True)
    encoders = [kind(False, cache_dir=tmp_path / "cache") for kind in ENCODERS]
    found(encoders[0], pictures)  # one of them knows the files already
    for _ in range(2):
        encoded = encode_together(encoders, pictures, True)
        assert [comparable(images) for images in encoded] == [comparable(one) for one in plain]
    with decoded_names(monkeypatch) as decoded:
        encode_together(encoders, pictures, True)
    assert set(decoded) <= {"broken.jpg"}


def test_one_of_two_encoders_has_a_cache(pictures, tmp_path):
    encoders = [PHash(False, cache_dir=tmp_path / "cache"), DHash(False)]
    plain = [comparable(one) for one in encode_together([PHash(False), DHash(False)], pictures)]
    for _ in range(2):
        assert [comparable(one) for one in encode_together(encoders, pictures)] == plain


def test_measures_of_a_report(pictures, tmp_path, monkeypatch):
    folder = list_images(pictures, True)
    plain = encode_and_measure(PHash(False), folder, 1)[1]
    cached = PHash(False, cache_dir=tmp_path / "cache")
    encode_and_measure(cached, folder, 1)
    with decoded_names(monkeypatch) as decoded:
        warm = encode_and_measure(cached, folder, 1)[1]
    assert set(decoded) <= {"broken.jpg"}
    assert (warm.names, warm.failures) == (plain.names, plain.failures)
    for name in MEASURES:
        assert np.array_equal(warm.columns[name], plain.columns[name])


def write(path, seed):
    """A small picture; of one size in bytes for several contents, as BMP is."""
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(pixels if seed % 4 else pixels * 0).save(path, format="BMP")


def rename(path, other, _):
    path.rename(other)


def copy(path, other, _):
    if path != other:
        shutil.copy2(path, other)


def link(path, other, _):
    if not other.exists():
        other.symlink_to(path.name)


ACTIONS = {
    "write": lambda path, _, seed: write(path, seed),
    "touch": lambda path, _, seed: os.utime(path, ns=(0, seed)),
    "delete": lambda path, _, __: path.unlink(),
    "break": lambda path, _, __: path.write_bytes(b"no image"),
    "rename": rename,
    "copy": copy,
    "link": link,
}


def act(action, path, other, seed):
    """Change a file in one of the ways, if there is one."""
    if action == "write" or path.exists():
        ACTIONS[action](path, other, seed)


class TestAfterAnyChanges:
    """Files are changed in every way between runs that share a cache."""

    CHANGES = st.lists(
        st.tuples(st.sampled_from(list(ACTIONS)), st.integers(0, 7), st.integers(0, 7)),
        max_size=6,
    )

    @settings(
        max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(runs=st.lists(CHANGES, min_size=2, max_size=4), data=st.data())
    def test_the_result_is_that_of_the_files(self, tmp_path_factory, no_waiting, runs, data):
        place = tmp_path_factory.mktemp("changes")
        folder = place / "images"
        folder.mkdir()
        for number in range(4):
            write(folder / f"{number}.png", number)
        encoders = [AHash, PHash]
        for actions in runs:
            for action, first, second in actions:
                act(action, folder / f"{first}.png", folder / f"{second}.png", second)
            if not any(folder.iterdir()):
                write(folder / "0.png", 0)
            wait_for_next_tick(folder)
            listed = list_images(folder)
            cached = [kind(False, cache_dir=place / "cache") for kind in encoders]
            expected = encode_files([kind(False) for kind in encoders], listed, 1)
            got = encode_files(cached, listed, data.draw(st.sampled_from([1, 2])))
            assert [comparable(one) for one in got] == [comparable(one) for one in expected]


def test_settings_do_not_share_codes(tmp_path, pictures):
    photograph(3, (1800, 1600)).save(pictures / "large.jpg")
    let_settle(pictures)
    cache = tmp_path / "cache"
    for full_decode in (False, True, False, True):
        plain = found(PHash(False, full_decode), pictures)
        assert found(PHash(False, full_decode, cache), pictures) == plain
    for dim in (1024, 576, 1024, 576):
        assert found(CNN(False, dim=dim, cache_dir=cache), pictures)[1][1][1] == dim


@pytest.mark.parametrize("change", ["version", "packages", "processor", "truncated"])
def test_what_else_a_code_depends_on(tmp_path, pictures, monkeypatch, change):
    cache = tmp_path / "cache"
    found(CNN(False, cache_dir=cache), pictures)
    match change:
        case "version":
            monkeypatch.setattr(cnn, "CODES_VERSION", -1)
        case "packages":
            monkeypatch.setattr(surroundings_module, "_version", lambda package: "0")
        case "processor":
            monkeypatch.setattr(cnn, "processor", lambda: "another")
        case "truncated":
            monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with decoded_names(monkeypatch) as decoded:
        assert found(CNN(False, cache_dir=cache), pictures) == found(CNN(False), pictures)
    assert len(decoded) == 2 * 6


def test_models_do_not_share_codes(tmp_path, pictures):
    models = [onnx_of_mean_colour(tmp_path / f"{factor}.onnx", factor=factor) for factor in (1, 2)]
    plain = [found(CNN(False, model), pictures) for model in models]
    assert plain[0] != plain[1]
    for _ in range(2):
        for model, expected in zip(models, plain, strict=True):
            assert found(CNN(False, model, cache_dir=tmp_path / "cache"), pictures) == expected


def test_another_model_in_the_same_file(tmp_path, pictures):
    path, cache = tmp_path / "model.onnx", tmp_path / "cache"
    model = onnx_of_mean_colour(path)
    early = CNN(False, model, cache_dir=cache)
    first = found(early, pictures)
    onnx_of_mean_colour(path, factor=3)
    late = CNN(False, model, cache_dir=cache)
    second = found(late, pictures)
    assert second == found(CNN(False, model), pictures) != first
    assert found(early, pictures) == first  # it has loaded the old one, and keeps nothing now
    assert found(CNN(False, model, cache_dir=cache), pictures) == second


def test_callables_are_never_kept(tmp_path, pictures):
    factor = 1.0

    def model(batch):
        return batch.reshape(len(batch), -1)[:, :8] * factor + 1

    def transform(image):
        return np.asarray(image.resize((8, 8)), np.float32).transpose(2, 0, 1)

    encoder = CNN(False, CustomModel("mine", model, transform), cache_dir=tmp_path / "cache")
    first = found(encoder, pictures)
    factor = 2.0
    assert found(encoder, pictures) != first
    assert not (tmp_path / "cache").exists()


def test_a_subclass_of_the_users_is_not_kept(tmp_path, pictures):
    class PHash(AHash):
        def _bits(self, thumbnails):
            return ~super()._bits(thumbnails)

    cache = tmp_path / "cache"
    found(AHash(False, cache_dir=cache), pictures)
    assert found(PHash(False, cache_dir=cache), pictures) == found(PHash(False), pictures)


def test_a_limit_that_is_lowered_holds_for_what_is_known(tmp_path, pictures):
    encoder = PHash(False, cache_dir=tmp_path / "cache")
    assert len(found(encoder, pictures)[3]) == 1
    before = set_limits(limits(), pixels=1000)
    try:
        assert found(encoder, pictures) == found(PHash(False), pictures)
        assert len(found(encoder, pictures)[3]) > 1
    finally:
        set_limits(before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it stays open
def test_members_of_archives(tmp_path, pictures, monkeypatch):
    archive = tmp_path / "images.tar"
    pack(archive, [pictures / "a.png", pictures / "b.jpg"])
    let_settle(tmp_path)
    encoder = PHash(False, cache_dir=tmp_path / "cache")
    plain = found(PHash(False), archive)
    found(encoder, archive)
    with decoded_names(monkeypatch) as decoded:
        assert found(encoder, archive) == plain
    assert decoded == []
    pack(archive, [pictures / "b.jpg", pictures / "a.png"], names=["a.png", "b.jpg"])
    let_settle(tmp_path)
    assert found(encoder, archive) == found(PHash(False), archive) != plain


def pack(archive, files, names=None):
    with tarfile.open(archive, "w") as packed:
        for file, name in zip(files, names or [file.name for file in files], strict=True):
            packed.add(file, name)
