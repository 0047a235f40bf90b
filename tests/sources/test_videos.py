"""Frames of films: which ones, what they are called, and what becomes of films that are broken."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagededup import PHash, fastdup
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.sources import decoders
from imagededup.sources.limits import set_limits
from tests.conftest import photograph
from tests.sources.films import film, number_in, numbers, video
from tests.test_pages import content as page_content


@pytest.fixture(scope="module")
def clip():
    """Three seconds with a key frame about every half second, and frames out of order between."""
    return film(bf="3")


@pytest.fixture(scope="module")
def scenes():
    """Three photographs, a second each."""
    return film(
        pictures=[np.asarray(photograph(n, (320, 240))) for n in (0, 1, 2) for _ in range(25)]
    )


class TestNames:
    @pytest.mark.parametrize(
        ("rate", "expected"),
        [
            (1, {"000000.0s": 0, "000001.0s": 25, "000002.0s": 50}),
            (0.5, {"000000.0s": 0, "000002.0s": 50}),
            (0.01, {"000000.0s": 0}),
            (
                1.5,
                {
                    "000000.000s": 0,
                    "000000.667s": 16,
                    "000001.333s": 33,
                    "000002.000s": 50,
                    "000002.667s": 66,
                },
            ),
            (2, {f"00000{n // 2}.{n % 2 * 5}s": int(n * 12.5) for n in range(6)}),
            (4, {f"00000{n // 4}.{n % 4 * 25:02}s": int(n * 6.25) for n in range(12)}),
        ],
    )
    def test_the_frame_of_a_time_is_the_last_that_is_shown(self, clip, rate, expected):
        assert numbers(clip, rate) == {f"{time}.jpg": number for time, number in expected.items()}

    def test_a_rate_above_that_of_the_film_gives_each_frame_once(self, clip):
        for rate in (25, 100, 1000):
            assert list(numbers(clip, rate).values()) == list(range(75))

    def test_names_sort_as_times(self, clip):
        names = video(clip).names(25)
        assert sorted(names) == names

    def test_a_film_of_one_frame(self):
        assert numbers(film(pictures=1), 1) == {"000000.0s.jpg": 0}

    def test_what_is_shown_for_long_counts_once(self):
        content = film(kind="matroska", pictures=5, times=[0, 10, 260, 270, 500])
        assert numbers(content, 1) == {
            "000000.0s.jpg": 0,
            "000001.0s.jpg": 1,
            "000011.0s.jpg": 3,
            "000020.0s.jpg": 4,
        }

    @pytest.mark.parametrize(
        "name", ["a.jpg", "000001.0s.png", "1.0s.jpg", "000001.0000s.jpg", "../x.jpg", ""]
    )
    def test_other_names_lead_nowhere(self, clip, name):
        with pytest.raises(UnreadableImageError, match="no such frame"):
            video(clip).open(name)

    def test_times_after_the_end(self, clip):
        with pytest.raises(UnreadableImageError, match="ends before"):
            video(clip).open("000100.0s.jpg")


@pytest.mark.parametrize(
    "form",
    [
        {"key_every": 250},
        {"x264opts": "open-gop=1:bframes=3:keyint=15:scenecut=0"},
        {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
        {"kind": "matroska", "bf": "2"},
        {"kind": "mpegts", "bf": "2"},
        {"kind": "flv"},
        {"kind": "avi", "codec": "mpeg4"},
        {"kind": "asf", "codec": "wmv2"},
        {"kind": "mpegts", "codec": "mpeg2video", "bf": "2"},
        {"kind": "webm", "codec": "libvpx", "deadline": "realtime", "cpu-used": "8"},
        {"kind": "mov", "codec": "mjpeg", "pixels": "yuvj420p"},
        {"kind": "mov", "codec": "prores_ks", "pixels": "yuv422p10le"},
        {"kind": "matroska", "codec": "ffv1", "pixels": "bgra"},
        {"pixels": "yuv444p", "size": (161, 121)},
    ],
    ids=str,
)
def test_kinds_of_films(form):
    content = film(**form)
    assert numbers(content, 5) == {f"00000{n / 5}s.jpg": 5 * n for n in range(15)}
    backwards = video(content)
    for name in reversed(backwards.names(5)):
        assert number_in(backwards.open(name)) == round(25 * float(name[:8]))


class TestTheOrderOfReading:
    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_does_not_matter(self, clip, data):
        names = video(clip).names(5)
        alone = {name: video(clip).open(name).read() for name in names[:: len(names) - 1]}
        opened = video(clip)
        for name in data.draw(st.permutations(names)):
            content = opened.open(name).read()
            assert number_in(opened.open(name)) == round(25 * float(name[:8]))
            assert alone.get(name, content) == content

    def test_nor_does_the_rate_of_the_listing(self, clip):
        for rate in (0.1, 1, 2, 25):
            opened = video(clip)
            opened.names(rate)
            for number in (74, 3, 26, 25, 31, 0, 60):
                assert number_in(opened.open(f"00000{number / 25:.2f}s.jpg")) == number

    def test_nor_do_threads(self, clip):
        names = video(clip).names(25)
        opened = video(clip)
        with ThreadPoolExecutor(4) as executor:
            together = list(executor.map(lambda name: opened.open(name).read(), names))
        assert together == [video(clip).open(name).read() for name in names]

    def test_one_after_the_other_each_packet_is_decoded_about_once(self, monkeypatch):
        decoded = []
        decode = decoders._FilmDecoder._decode
        monkeypatch.setattr(
            decoders._FilmDecoder, "_decode", lambda self: decoded.append(decode(self))
        )
        opened = video(film(pictures=250, key_every=125))
        for name in opened.names(5):
            opened.open(name)
        assert 200 < len(decoded) < 275


class TestUpright:
    @pytest.mark.parametrize(("degrees", "quarters"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
    def test_turned_films(self, degrees, quarters):
        picture = np.zeros((80, 120, 3), np.uint8)
        picture[:40, :60] = 250, 30, 30
        picture[40:, :60] = 30, 250, 30
        [name] = video(content := film(pictures=[picture], turned=degrees)).names(1)
        pixels = np.asarray(Image.open(video(content).open(name)), int)
        expected = np.rot90(picture.astype(int), quarters)
        assert pixels.shape == expected.shape
        assert np.abs(pixels - expected).mean() < 10


class TestBrokenFilms:
    def test_what_is_none(self, capfd):
        for content in (b"", b"x", bytes(5000), b"\xff\xd8\xff\xe0" + bytes(99), os.urandom(5000)):
            with pytest.raises(UnreadableImageError) as caught:
                video(content).names(1)
            assert str(caught.value) == "damaged video, or none"
        assert capfd.readouterr() == ("", "")

    def test_half_a_file(self, clip, capfd):
        with pytest.raises(UnreadableImageError, match="damaged video"):
            video(clip[: len(clip) // 2]).names(1)
        assert capfd.readouterr() == ("", "")

    def test_half_a_file_with_its_header(self, tmp_path):
        content = film(file=tmp_path / "a.mp4", container_options={"movflags": "faststart"})
        opened = video(content[: len(content) // 2])
        names = opened.names(5)
        assert 3 < len(names) < 12
        assert opened.damage.startswith("damaged video: only ")
        assert opened.damage.endswith(" of 75 frames are there")
        for place, name in enumerate(names[:-1]):
            assert number_in(opened.open(name)) == 5 * place

    @pytest.mark.parametrize("kind", ["matroska", "mpegts", "mp4"])
    def test_a_damaged_piece_costs_no_frame_elsewhere(self, kind, capfd):
        content = bytearray(film(kind=kind, key_every=5))
        begin, length = len(content) // 3, len(content) // 10
        content[begin : begin + length] = np.random.default_rng(0).bytes(length)
        opened = video(bytes(content))
        good, reasons = 0, set()
        for name in opened.names(25):
            try:
                good += number_in(opened.open(name)) == round(25 * float(name[:9]))
            except UnreadableImageError as error:
                reasons.add(str(error))
        assert good > 45
        assert reasons <= {"damaged video: this frame cannot be decoded"}
        assert bool(reasons) == (kind == "mp4")
        assert capfd.readouterr() == ("", "")

    def test_sound_without_pictures(self, tmp_path):
        with av.open(tmp_path / "sound.mp4", "w") as container:
            stream = container.add_stream("aac", rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with pytest.raises(UnreadableImageError, match="video without pictures"):
            video((tmp_path / "sound.mp4").read_bytes()).names(1)

    def test_too_many_pixels(self, clip):
        before = set_limits(pixels=160 * 120 - 1)
        try:
            with pytest.raises(UnreadableImageError, match="19,200 pixels, more than the limit"):
                video(clip).names(1)
        finally:
            set_limits(before)

    @pytest.mark.parametrize("form", ["stsz", "trun"])
    def test_more_frames_than_bytes(self, form):
        fragments = {"movflags": "frag_keyframe+empty_moov"} if form == "trun" else None
        content = bytearray(film(codec="mpeg4", container_options=fragments))
        place = content.index(form.encode()) + 8
        if form == "stsz":
            content[place : place + 4] = (1).to_bytes(4, "big")
            place += 4
        content[place : place + 4] = (100_000_000).to_bytes(4, "big")
        with pytest.raises(UnreadableImageError, match="it claims more frames than bytes"):
            video(bytes(content)).names(1)

    def test_lists_that_name_other_files(self, tmp_path, clip):
        (tmp_path / "secret.mp4").write_bytes(clip)
        names = (f"file '{tmp_path}/secret.mp4'", f"{tmp_path}/secret.mp4", "http://localhost:9/")
        for name in names:
            for form in ("ffconcat version 1.0\n{}\n", "#EXTM3U\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"):
                with pytest.raises(UnreadableImageError, match="damaged video, or none"):
                    video(form.format(name).encode()).names(1)


def test_without_the_package_the_reason_names_the_extra(tmp_path, clip):
    (tmp_path / "film.mp4").write_bytes(clip)
    photograph(0).save(tmp_path / "still.png")
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from imagededup import PHash\n"
        "from imagededup.images.decode import load_image\n"
        "print(PHash(verbose=False).encode_images(sys.argv[1]).keys())\n"
        "try:\n"
        "    load_image(sys.argv[1] + '/film.mp4/000000.0s.jpg')\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    reason = "video, which needs a further package (pip install 'imagededup[video]')"
    assert run.stdout.splitlines() == ["dict_keys(['still.png'])", reason]
    assert f"film.mp4: {reason}" in run.stderr


class TestAllThatReadsImages:
    @pytest.fixture
    def folder(self, tmp_path, scenes):
        folder = tmp_path / "trip"
        folder.mkdir()
        (folder / "film.mp4").write_bytes(scenes)
        photograph(1).save(folder / "still.png")
        return folder

    def test_a_frame_is_an_image(self, folder):
        pixels = load_image(folder / "film.mp4" / "000001.0s.jpg")
        assert pixels.shape == (240, 320, 3)
        assert np.abs(pixels.astype(int) - np.asarray(photograph(1), int)).mean() < 5

    def test_duplicates(self, folder):
        for workers in (1, 4):
            found = PHash(verbose=False).find_duplicates(folder, num_enc_workers=workers)
            assert dict(found) == {
                "film.mp4/000000.0s.jpg": [],
                "film.mp4/000001.0s.jpg": ["still.png"],
                "film.mp4/000002.0s.jpg": [],
                "still.png": ["film.mp4/000001.0s.jpg"],
            }

    def test_the_command(self, folder, tmp_path, command):
        for place, prefix in ((folder, "film.mp4/"), (folder / "film.mp4", "")):
            code, _, _ = command("find", place, "-o", tmp_path / "found.json")
            assert code == 0
            found = json.loads((tmp_path / "found.json").read_text())
            assert set(found) - {"still.png"} == {f"{prefix}00000{n}.0s.jpg" for n in range(3)}
            assert found[f"{prefix}000001.0s.jpg"] == (["still.png"] if prefix else [])

    def test_the_runner_writes_frames_only_for_pages(self, folder, tmp_path):
        work = tmp_path / "work"
        fastdup.run(folder, work_dir=work, threshold=0.8, verbose=False)
        names = (work / "features.dat.csv").read_text().splitlines()[1:]
        assert [name.rpartition("trip/")[2] for name in names] == [
            "film.mp4/000000.0s.jpg",
            "film.mp4/000001.0s.jpg",
            "film.mp4/000002.0s.jpg",
            "still.png",
        ]
        assert not (work / "frames").exists()
        page = fastdup.create_duplicates_gallery(work, tmp_path / "page", num_images=1)
        [frame] = [path for path in (work / "frames").rglob("*") if path.is_file()]
        film = str(folder / "film.mp4")
        assert frame == Path(f"{work}/frames{film}/000001.0s.jpg")
        assert frame.read_bytes().startswith(b"\xff\xd8")
        written = load_image(frame).astype(int)
        assert np.abs(written - np.asarray(photograph(1), int)).mean() < 6
        links = {Path(row[0]).name: row[3] for row in page_content(page.path)["pictures"]}
        assert links["000001.0s.jpg"] == frame.as_uri()
        assert links["still.png"] == (folder / "still.png").as_uri()

    def test_a_page_without_a_work_folder_writes_no_frame(self, folder, tmp_path):
        found = PHash(verbose=False).search(folder)
        found.to_html(tmp_path / "page.html")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "trip"]
