"""The camera that an EXIF block names; blocks that are damaged or hostile say nothing and harm nobody."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fsim.data import exif
from fsim.data.exif import Camera


def block(make="Acme", model="Acme A1", serial="0042") -> bytes:
  """As Pillow writes it."""
  fields = Image.Exif()
  fields[exif.MAKE], fields[exif.MODEL] = make, model
  fields.get_ifd(exif.EXIF_IFD)[exif.SERIAL] = serial
  return fields.tobytes()


def directory(order: str, *fields: tuple, place: int = 8) -> bytes:
  mark = b"II*\0" if order == "<" else b"MM\0*"
  body = b"".join(struct.pack(order + "HHI4s", *field) for field in fields)
  return exif.BEGINNING + mark + struct.pack(order + "IH", place, len(fields)) + body


def test_make_model_and_serial_number_are_read():
  assert exif.camera(block()) == Camera("Acme", "Acme A1", "0042")
  assert str(exif.camera(block())) == "Acme A1 no. 0042"
  assert str(exif.camera(block("Acme", "A1", ""))) == "Acme A1"


def test_when_it_was_taken_and_what_saved_it_are_said():
  fields = Image.Exif()
  fields[exif.SOFTWARE] = "Editor 3"
  fields.get_ifd(exif.EXIF_IFD)[exif.TAKEN] = "2020:01:02 03:04:05"
  assert exif.said(fields.tobytes()) == exif.Said(taken="2020:01:02 03:04:05", software="Editor 3")


def test_both_byte_orders_are_read():
  for order in "<>":
    assert exif.camera(directory(order, (exif.MODEL, exif.TEXT, 3, b"A1\0\0"))) == Camera(model="A1")


@pytest.mark.parametrize(
  "data",
  [
    b"",
    b"Exif\0\0",
    b"Exif\0\0XX*\0\x08\0\0\0",
    directory("<", place=2**32 - 1),
    directory("<", place=0),
    directory("<", (exif.MODEL, exif.TEXT, 2**31, b"\xff\xff\xff\xff")),
    directory("<", (exif.MODEL, exif.TEXT, 40, b"\xff\xff\xff\x7f")),
    directory("<", (exif.EXIF_IFD, exif.OFFSET, 1, b"\x08\0\0\0")),  # Itself.
    directory("<", (exif.MODEL, 5, 1, b"\0\0\0\0")),
  ],
)
def test_damaged_blocks_say_nothing(data):
  assert exif.camera(data) == Camera()


@given(st.integers(0, len(block()) - 1), st.binary(min_size=1, max_size=12), st.integers(0, len(block())))
def test_no_mutation_raises(place, change, end):
  data = block()
  exif.camera((data[:place] + change + data[place + len(change) :])[:end])
