"""What every test relies on."""

from hypothesis import settings

settings.register_profile("sendkit", deadline=None)  # a busy machine is no failure
settings.load_profile("sendkit")
