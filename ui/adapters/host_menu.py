"""Keeps the host's own menu of adapters right on every page, whoever loads and unloads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..page.wire import at_the_root, wire

if TYPE_CHECKING:
    from ...hosts.protocol import Host


def build_host_menu(host: Host) -> None:
    """Places the wire by which a page tells that other adapters are loaded than it knew, and when it is opened.

    A host draws its menu when its page is built, and after that only on the page where somebody used the menu.
    """
    menu = list(host.adapter_menu())
    if not menu:
        return
    with at_the_root():
        told = wire("lora-mixer-menu")
    told.input(lambda _: _updates(host), [told], menu, queue=False, show_progress="hidden", trigger_mode="multiple")


def _updates(host: Host) -> Any:
    updates = list(host.adapter_menu_updates())
    return updates[0] if len(updates) == 1 else updates
