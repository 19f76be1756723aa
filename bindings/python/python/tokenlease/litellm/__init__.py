"""Keeps the limits of LiteLLM's deployments over all of its replicas. One line of `config.yaml` loads it:

    litellm_settings:
      success_callback: ["tokenlease.litellm.plugin"]

With `litellm.Router` as a library importing this module is enough. The environment says the rest: `QUOTA_URL` and
the others that `tokenlease.Client` takes, and those of `Settings`.
"""

from ._plugin import Plugin
from ._settings import Settings

plugin = Plugin(Settings.of_environment())
plugin.load()

__all__ = ["Plugin", "Settings", "plugin"]
