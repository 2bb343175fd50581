"""The nets of fsim in PyTorch, layer by layer the same function, and one training step as PyTorch's users write it."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import nn
from torch.nn import functional as F

from benchmarks.setting import Setting
from fsim import cpu
from fsim.models.extractors import PATCH_SCALE

Tree = dict[str, Any]
Layers = dict[str, tuple[nn.Module, int]]  # Flax's name -> (layer, side of the map that the layer flattens; 0: none).


class SameConv2d(nn.Conv2d):
  """XLA's SAME: ceil(side / stride) outputs, the odd row and column of zeros below and to the right."""

  def __init__(self, channels: int, width: int, kernel: int, stride: int, size: int):
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    super().__init__(channels, width, kernel, stride, padding=before)
    self.border = after - before  # What the convolution's own symmetric padding leaves out.

  def forward(self, x: torch.Tensor) -> torch.Tensor:
    return super().forward(F.pad(x, (0, self.border, 0, self.border)) if self.border else x)


class SignatureNet(nn.Module):
  """`fsim.models.extractors.SignatureNet`; images are b c h w, so a flattened map has its channels first."""

  def __init__(self, classes: int, size: int):
    super().__init__()
    self.conv, self.norm = nn.ModuleList(), nn.ModuleList()
    channels, side = 3, size
    for width, kernel, stride in ((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)):
      self.conv.append(SameConv2d(channels, width, kernel, stride, side))
      self.norm.append(nn.BatchNorm2d(width, eps=1e-5, momentum=0.1))
      channels, side = width, (-(-side // stride) - 3) // 2 + 1
    self.side = side
    self.signature = nn.Linear(channels * side * side, 1024)
    self.hidden = nn.Linear(1024, 200)
    self.classes = nn.Linear(200, classes)

  def forward(self, images: torch.Tensor) -> torch.Tensor:
    x = images.float() / 127.5 - 1
    for conv, norm in zip(self.conv, self.norm, strict=True):
      x = F.max_pool2d(torch.tanh(norm(conv(x))), 3, 2)
    signature = torch.tanh(self.signature(x.flatten(1)))
    return self.classes(torch.tanh(self.hidden(signature)))

  def layers(self) -> Layers:
    names = {f"Conv_{i}": (layer, 0) for i, layer in enumerate(self.conv)}
    names |= {f"BatchNorm_{i}": (layer, 0) for i, layer in enumerate(self.norm)}
    return names | {"signature": (self.signature, self.side), "hidden": (self.hidden, 0), "classes": (self.classes, 0)}


class PatchNet(nn.Module):
  """`fsim.models.extractors.PatchNet`, with a mean patch of 0 as the net has before it is set."""

  def __init__(self, classes: int, size: int):
    super().__init__()
    ends = ((3, 32, 4), (32, 48, 5), (48, 64, 5), (64, 128, 5))
    self.conv = nn.ModuleList(nn.Conv2d(*end) for end in ends)
    self.register_buffer("mean", torch.zeros(3, size, size))
    self.feature = nn.Linear(128, 128)
    self.classes = nn.Linear(128, classes)

  def forward(self, images: torch.Tensor) -> torch.Tensor:
    x = (images.float() - self.mean) * PATCH_SCALE
    for conv in self.conv[:-1]:
      x = F.max_pool2d(conv(x), 2, 2, ceil_mode=True)
    return self.classes(torch.relu(self.feature(self.conv[-1](x).flatten(1))))

  def layers(self) -> Layers:
    names = {f"Conv_{i}": (layer, 0) for i, layer in enumerate(self.conv)}
    return names | {"feature": (self.feature, 0), "classes": (self.classes, 0)}


class MislNet(nn.Module):
  """`fsim.models.mislnet.MislNet` on green, with max pooling throughout."""

  def __init__(self, classes: int, size: int):
    super().__init__()
    self.constrained = nn.Conv2d(1, 3, 5, bias=False)
    self.conv, self.norm = nn.ModuleList(), nn.ModuleList()
    channels, side = 3, size - 4
    for width, kernel, stride in ((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)):
      self.conv.append(SameConv2d(channels, width, kernel, stride, side))
      self.norm.append(nn.BatchNorm2d(width, eps=1e-5, momentum=0.1))
      channels, side = width, (-(-side // stride) - 3) // 2 + 1
    self.side = side
    self.hidden = nn.Linear(channels * side * side, 200)
    self.feature = nn.Linear(200, 200)
    self.classes = nn.Linear(200, classes)

  def forward(self, images: torch.Tensor) -> torch.Tensor:
    x = self.constrained(images[:, 1:2].float())
    for conv, norm in zip(self.conv, self.norm, strict=True):
      x = F.max_pool2d(torch.tanh(norm(conv(x))), 3, 2)
    return self.classes(torch.tanh(self.feature(torch.tanh(self.hidden(x.flatten(1))))))

  @torch.no_grad()
  def constrain(self) -> None:
    """`fsim.models.constrained.constrain`, without the guard for sums near 0."""
    kernel = self.constrained.weight
    kernel[:, :, 2, 2] = 0
    kernel /= kernel.sum((2, 3), keepdim=True)
    kernel[:, :, 2, 2] = -1

  def layers(self) -> Layers:
    names = {"ConstrainedConv_0": (self.constrained, 0)}
    names |= {f"Conv_{i}": (layer, 0) for i, layer in enumerate(self.conv)}
    names |= {f"BatchNorm_{i}": (layer, 0) for i, layer in enumerate(self.norm)}
    return names | {"hidden": (self.hidden, self.side), "feature": (self.feature, 0), "classes": (self.classes, 0)}


NETS = {"signature": SignatureNet, "patch": PatchNet, "misl": MislNet}


def to_torch(kernel: Float[np.ndarray, "..."], side: int) -> Float[np.ndarray, "..."]:
  """h w i o -> o i h w for a convolution, (h w c) o -> o (c h w) for a dense layer on a map of that side."""
  if kernel.ndim == 4:
    return kernel.transpose(3, 2, 0, 1)
  if side:
    return kernel.reshape(side, side, -1, kernel.shape[1]).transpose(3, 2, 0, 1).reshape(kernel.shape[1], -1)
  return kernel.T


def to_flax(kernel: Float[np.ndarray, "..."], side: int) -> Float[np.ndarray, "..."]:
  """The way back."""
  if kernel.ndim == 4:
    return kernel.transpose(2, 3, 1, 0)
  if side:
    return kernel.reshape(len(kernel), -1, side, side).transpose(2, 3, 1, 0).reshape(-1, len(kernel))
  return kernel.T


class Runner:
  """One net with its optimiser and a batch, ready to be timed."""

  def __init__(
    self,
    setting: Setting,
    variant: str,
    weights: Tree,
    images: UInt8[np.ndarray, "b h w 3"],
    labels: Int[np.ndarray, " b"],
  ):
    options = variant.split("+")[1:]
    if "memory" in options:
      cpu.keep_memory()
    self.tf32 = "highest" not in options  # As XLA does, unless told otherwise.
    self.together = 1  # Steps that a call of `train` makes.
    torch.backends.cudnn.benchmark = True
    self.device = setting.device
    self.dtype = torch.bfloat16 if "bf16" in options else torch.float32
    layout = torch.channels_last if "channels_last" in options else torch.contiguous_format
    net = NETS[setting.net](setting.classes, setting.size)
    self.weights, self.layers = weights, net.layers()
    self.constrain = getattr(net, "constrain", None)
    self._load()
    net.to(self.device, memory_format=layout)
    self.net = torch.compile(net) if "compile" in options else net
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    self.images = pixels.to(self.device, memory_format=layout)
    self.labels = torch.from_numpy(labels).long().to(self.device)
    kernels, others = ([p for p in net.parameters() if (p.ndim > 1) == decays] for decays in (True, False))
    groups = [{"params": kernels, "weight_decay": setting.decay}, {"params": others, "weight_decay": 0.0}]
    self.optimiser = torch.optim.SGD(groups, lr=setting.learning_rate, momentum=setting.momentum)
    self.factor = torch.ones(setting.matmul, setting.matmul, dtype=self.dtype, device=self.device)

  @torch.no_grad()
  def _load(self) -> None:
    for name, (layer, side) in self.layers.items():
      own = dict(self.weights[name])
      bias = own.pop("bias", None)
      (kernel,) = own.values()
      layer.weight.copy_(torch.from_numpy((kernel if kernel.ndim == 1 else to_torch(kernel, side)).copy()))
      if bias is not None:
        layer.bias.copy_(torch.from_numpy(bias.copy()))

  def _logits(self) -> torch.Tensor:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.tf32
    with torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
      return self.net(self.images).float()

  def _backward(self) -> torch.Tensor:
    self.net.train()
    self.optimiser.zero_grad(set_to_none=True)
    loss = F.cross_entropy(self._logits(), self.labels)
    loss.backward()
    return loss

  def answers(self) -> Tree:
    """Logits (with running statistics), then loss and gradients (with those of the batch), named and laid as Flax's."""
    self.net.eval()
    with torch.inference_mode():
      logits = self._logits().cpu().numpy()
    loss, gradients = self._backward().item(), {}
    for name, (layer, side) in self.layers.items():
      kernel = layer.weight.grad.cpu().numpy()
      ((weight, _),) = ((part, value) for part, value in self.weights[name].items() if part != "bias")
      gradients[name] = {weight: kernel if kernel.ndim == 1 else to_flax(kernel, side)}
      if layer.bias is not None:
        gradients[name]["bias"] = layer.bias.grad.cpu().numpy()
    return {"logits": logits, "loss": loss, "gradients": gradients}

  def flops(self) -> None:
    """Counted once, by fsim's side."""

  def forward(self) -> None:
    self.net.eval()
    with torch.inference_mode():
      self._logits()

  def train(self) -> None:
    self._backward()
    self.optimiser.step()
    if self.constrain:
      self.constrain()

  def matmul(self) -> None:
    self.factor @ self.factor

  def wait(self) -> None:
    if self.device == "cuda":
      torch.cuda.synchronize()
