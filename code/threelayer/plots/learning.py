"""A network while it learns, and a trained one under examination.

Source: chapter "watch_learning"; the noise floor is equation (noise-floor).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.stats import norm

from threelayer.plots.style import (
    BLUE,
    DASHES,
    GREY,
    INK,
    ORANGE,
    SHADES,
    WIDTH,
    X_LABELS,
    color_of,
    pi_ticks,
)

NETWORK = color_of("jax_transforms")  # the framework that trains on the page


def ridges(
    epochs: Sequence[int],
    panels: Mapping[str, Sequence[np.ndarray]],
    limits: Mapping[str, float],
    bins: int = 24,
    columns: int = 2,
) -> Figure:
    """Draw how the histogram of a quantity changes from epoch to epoch, the first epoch on top.

    Parameters
    ----------
    epochs : (e,)
    panels
        Label of the horizontal axis to one array of values an epoch, of any shape.
    limits
        The same labels to the half-width of their axis. Every histogram is drawn to its own greatest height.
    """
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, rows * (0.42 * len(epochs) + 0.9)), sharey=True, squeeze=False
    )
    place = np.arange(len(epochs))[::-1]
    for axis, (label, samples) in zip(axes.flat, panels.items(), strict=False):
        edges = np.linspace(-limits[label], limits[label], bins + 1)
        for y, values in zip(place, samples, strict=True):
            heights = np.histogram(values, edges)[0]
            top = y + 0.85 * heights / heights.max()
            axis.stairs(top, edges, baseline=y, fill=True, facecolor=NETWORK, edgecolor=NETWORK)
        axis.set(xlabel=label, xlim=(-limits[label], limits[label]), ylim=(-0.15, len(epochs)))
        axis.set_yticks(place, [str(epoch) for epoch in epochs])
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis in axes[:, 0]:
        axis.set_ylabel("epoch")
    return figure


def convergence(runs: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], noise_floor: float) -> Figure:
    """Draw the loss of several settings over steps and multiplications, seeds as bands, and the noise floor.

    Parameters
    ----------
    runs
        Label to steps (epochs,), multiplications (epochs,) and losses (seeds, epochs). Lines are medians.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6), sharey=True)
    for (label, (steps, products, losses)), color, dash in zip(runs.items(), SHADES, DASHES, strict=False):
        for axis, x in zip(axes, (steps, products), strict=True):
            axis.fill_between(x, losses.min(axis=0), losses.max(axis=0), color=color, alpha=0.25, linewidth=0)
            axis.plot(x, np.median(losses, axis=0), dash, color=color, label=label)
    for axis, xlabel in zip(axes, ("step", "multiplications"), strict=True):
        axis.axhline(noise_floor, color=INK, linestyle="--", linewidth=1, label="noise floor")
        axis.set(xscale="log", yscale="log", xlabel=xlabel)
        axis.xaxis.set_minor_formatter(NullFormatter())  # a short axis would get labels upon labels
    axes[0].set_ylabel("validation loss (standardised)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def residuals(x: np.ndarray, residual: np.ndarray, noise: float, bins: int = 20) -> Figure:
    """Draw residuals against each input as a density, with their mean and standard deviation in bins.

    Parameters
    ----------
    x : (n, 3), radians
    residual : (n,), units of f
    noise
        Known standard deviation of the noise, drawn as two dashed lines.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.4), sharey=True)
    edges = np.linspace(-np.pi, np.pi, bins + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    most = np.abs(residual).max()
    heights = np.linspace(-most, most, 2 * bins + 1)
    for i, axis in enumerate(axes):
        counts = np.histogram2d(residual, x[:, i], [heights, edges])[0]
        shade = np.sqrt(counts / counts.max())  # opacity, so that the paper of both themes shows through
        axis.imshow(
            np.dstack([np.broadcast_to(to_rgb(GREY), (*counts.shape, 3)), shade]),
            origin="lower",
            extent=(-np.pi, np.pi, -most, most),
            aspect="auto",
            interpolation="nearest",
        )
        parts = [residual[(x[:, i] >= low) & (x[:, i] < high)] for low, high in pairwise(edges)]
        mean, spread = np.array([(part.mean(), part.std()) for part in parts]).T
        axis.plot(middle, mean, color=NETWORK, label="mean")
        for sign in (-1, 1):
            axis.plot(
                middle,
                mean + sign * spread,
                color=ORANGE,
                label="mean ± standard deviation" if sign > 0 else None,
            )
            axis.axhline(
                sign * noise,
                color=INK,
                linestyle="--",
                linewidth=1,
                label=r"$\pm\sigma$ of the noise" if sign > 0 else None,
            )
        pi_ticks(axis)
        axis.set_xlabel(X_LABELS[i])
    axes[0].set_ylabel(r"residual $y - \hat y$ (units of $f$)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def against_normal(groups: Mapping[str, np.ndarray]) -> Figure:
    """Compare residuals, in standard deviations of the noise, with the standard normal distribution.

    Parameters
    ----------
    groups
        Label to values (n,). On the left quantiles against quantiles, on the right densities.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    most = max(np.abs(values).max() for values in groups.values())
    edges = np.arange(-4.2, 4.3, 0.3)
    for (label, values), color in zip(groups.items(), (ORANGE, NETWORK), strict=True):
        share = norm.cdf(np.linspace(-3.5, 3.5, 71))  # as many points in the tails as in the middle
        share = share[(share > 0.5 / values.size) & (share < 1 - 0.5 / values.size)]
        quantiles = np.quantile(values, share)
        axes[0].plot(norm.ppf(share), quantiles, color=color, linewidth=2.2, label=label)
        density = np.histogram(values, edges, density=True)[0]
        axes[1].stairs(density, edges, color=color, linewidth=1.6)
    axes[0].plot([-3.8, 3.8], [-3.8, 3.8], "--", color=INK, linewidth=1, label="standard normal")
    axes[0].set(xlabel="standard normal quantile", ylabel=r"quantile of $(y - \hat y)/\sigma$")
    axes[0].set_ylim(-1.05 * most, 1.05 * most)
    z = np.linspace(-4.2, 4.2, 61)
    axes[1].plot(z, norm.pdf(z), "--", color=INK, linewidth=1)
    axes[1].set(xlabel=r"$(y - \hat y)/\sigma$", ylabel="density")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def near_faces(errors: Mapping[str, np.ndarray], neighbours: np.ndarray) -> Figure:
    """Draw error and number of training samples nearby by the number of faces of the cube that are near.

    Parameters
    ----------
    errors
        Label to root mean square errors (4,), units of f, near 0, 1, 2 and 3 faces.
    neighbours : (4,)
        Median number of training samples within one radian of a point, in the same four regions.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.4))
    place = np.arange(4)
    for (label, values), color, dash, marker in zip(
        errors.items(), (ORANGE, NETWORK), ("-", "--"), "os", strict=True
    ):
        axes[0].plot(place, values, dash, marker=marker, color=color, label=label)
    axes[0].set_ylabel(r"RMS of $\hat y - f(x)$ (units of $f$)")
    axes[1].bar(place, neighbours, 0.6, color=BLUE)
    axes[1].set_ylabel("samples within 1 rad")
    axes[1].grid(False, axis="x")
    for axis in axes:
        axis.set_xticks(place, ["0\nmiddle", "1\nface", "2\nedge", "3\ncorner"])
        axis.set_xlabel("faces nearby")
        axis.set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
