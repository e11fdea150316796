"""The trunk of the starter model: plain residual convolutions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class ConvTrunk(nn.Module):
    """Residual convolutional trunk with outputs at strides 4, 8, 16 and 32.

    It takes the place of SAM 2's Hiera. On a CPU it costs less than half of a Hiera
    of the same size, and it learns from few images, because a convolution need not
    learn that neighbouring pixels belong together.

    Parameters
    ----------
    widths : sequence of int
        Channels at strides 4, 8, 16 and 32.
    blocks : sequence of int
        Residual blocks at each stride.

    Attributes
    ----------
    channel_list : list of int
        Channels of the outputs, deepest first, as SAM 2's neck expects them.
    """

    def __init__(
        self,
        widths: Sequence[int] = (48, 96, 192, 320),
        blocks: Sequence[int] = (1, 2, 5, 2),
    ) -> None:
        super().__init__()
        widths = list(widths)
        self.stem = nn.Sequential(
            ConvNorm(3, 32, stride=2),
            nn.ReLU(inplace=True),
            ConvNorm(32, widths[0], stride=2),
            nn.ReLU(inplace=True),
        )
        stages: list[nn.Module] = []
        for (before, width), count in zip(
            pairwise([widths[0], *widths]), blocks, strict=True
        ):
            stride = 2 if stages else 1
            stages.append(
                nn.Sequential(
                    ResidualBlock(before, width, stride),
                    *(ResidualBlock(width, width) for _ in range(count - 1)),
                )
            )
        self.stages = nn.ModuleList(stages)
        self.channel_list = widths[::-1]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Encode images.

        Parameters
        ----------
        x : torch.Tensor
            Float of shape (batch, 3, rows, columns), sides divisible by 32.

        Returns
        -------
        list of torch.Tensor
            Features at strides 4, 8, 16 and 32.
        """
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

    def fuse(self) -> None:
        """Fold every batch normalisation into the convolution before it.

        The outputs stay the same up to rounding, the encoder gets faster. The module
        is put into evaluation mode; train and save only unfused trunks.
        """
        self.eval()
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.fuse()


class ConvNorm(nn.Module):
    """A convolution without bias and the batch normalisation after it.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    size : int
        Width of the kernel, odd.
    stride : int
        Step of the convolution.
    """

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise."""
        normalised: Tensor = self.norm(self.conv(x))
        return normalised

    def fuse(self) -> None:
        """Replace both by one convolution with a bias."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Step of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, stride=stride)
        self.second = ConvNorm(outputs, outputs)
        self.shortcut = (
            nn.Identity()
            if inputs == outputs and stride == 1
            else ConvNorm(inputs, outputs, size=1, stride=stride)
        )
        # Blocks begin as identities, which keeps the first steps of training calm.
        nn.init.zeros_(self.second.norm.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Transform (batch, inputs, rows, columns) to (batch, outputs, ...)."""
        residual = self.second(functional.relu(self.first(x)))
        return functional.relu(residual + self.shortcut(x))
