"""A bundle whose manifest lists every image that any input may need."""

from __future__ import annotations

from tke_tui.core.bundle import Bundle
from tke_tui.core.components import COMPONENTS
from tke_tui.core.needed_images import OF_TASK

TAGS = {
    "provider-res": "v1.20.2-1",
    "influxdb": "1.7.9",
    "csi-operator": "v1.0.2",
    "gpu-manager": "v1.0.4",
    "gpu-quota-admission": "v1.0.0",
    "nvidia-device-plugin": "1.0.0-beta4",
}


def whole(bundle: Bundle) -> Bundle:
    """The same bundle with these images in its contents, once per architecture; no archive is made."""
    tags = {**TAGS, **bundle.manifest.images}
    tagged = Bundle(bundle.root, bundle.manifest.model_copy(update={"images": tags}))
    names = {name for names in OF_TASK.values() for name in names}
    names |= {name for component in COMPONENTS.values() for name in component.all_images}
    contents = [
        f"{name}-{arch}:{tagged.tag(name, bundle.versions[0])}"
        for name in sorted(names)
        for arch in bundle.manifest.architectures
    ]
    return Bundle(bundle.root, tagged.manifest.model_copy(update={"contents": contents}))
