import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fsim.data import quantisation
from tests import sensors


def saved(quality: int, **options: object) -> bytes:
  buffer = io.BytesIO()
  sensors.photograph(0, 1).save(buffer, "JPEG", quality=quality, **options)
  return buffer.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"\xff\xdb no table"}])
def test_the_step_is_that_of_the_file(options):
  data = saved(70, **options)
  zigzag = [1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]
  table = Image.open(io.BytesIO(data)).quantization[0]
  found = quantisation.compression(data, sensors.SIDE**2)
  assert found.step == pytest.approx(np.mean([table[place] for place in zigzag]))
  assert found.bits == pytest.approx(8 * len(data) / sensors.SIDE**2)


def test_stronger_compression_has_larger_steps_and_fewer_bits():
  fine, coarse = (quantisation.compression(saved(q), sensors.SIDE**2) for q in (95, 40))
  assert fine.step < coarse.step
  assert fine.bits > coarse.bits


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xdb\x00", b"\xff\xd8\xff\xdb\x00\x00" * 9])
def test_what_names_no_table_says_nothing(data):
  assert quantisation.compression(data, 100) is None


@given(st.binary(max_size=300), st.integers(0, 700))
def test_damage_never_raises(noise, place):
  data = saved(80)
  found = quantisation.compression(data[:place] + noise + data[place + len(noise) :], 100)
  assert found is None or found.step > 0
