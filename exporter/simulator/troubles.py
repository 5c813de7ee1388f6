"""All kinds of scenarios: what can go wrong in the simulated world, or at its API."""

from collections.abc import Mapping

from exporter.simulator.parameters import Blueprint, Parameter

COLLECTORS = ("mailboxes", "warmup", "overview", "blacklist", "placement")
"""The endpoints beside the analytics of mailboxes."""

_WORKSPACE = Parameter("id or name of a workspace; the first one by default")
_MAILBOX = Parameter("id or address of a mailbox; the first that fits by default")
_DOMAIN = Parameter("a domain; the first of the workspace by default")
_PAGE = Parameter("number of the page", default=1, minimum=1, maximum=100_000)
_RATIO = Parameter("bounces of sends", default=0.25, minimum=0, maximum=1)
_ONLY_WORKSPACE = Parameter("id or name of the one workspace it concerns; all by default")
_DURATION = Parameter("real seconds until it stops by itself; never by default", minimum=0, maximum=10**9)


def _fleet(about: str, **parameters: Parameter) -> Blueprint:
    return Blueprint(about, "fleet", {**parameters, "duration": _DURATION})


def _answer(about: str, **parameters: Parameter) -> Blueprint:
    return Blueprint(about, "answer", {**parameters, "workspace": _ONLY_WORKSPACE, "duration": _DURATION})


def _api(about: str, **parameters: Parameter) -> Blueprint:
    return Blueprint(about, "api", {**parameters, "workspace": _ONLY_WORKSPACE, "duration": _DURATION})


SCENARIOS: Mapping[str, Blueprint] = {
    "bounce_spike": _fleet(
        "mails of one domain bounce at a ratio",
        workspace=_WORKSPACE,
        domain=_DOMAIN,
        ratio=_RATIO,
    ),
    "provider_blocks": _fleet(
        "mails of all mailboxes at one provider bounce at a ratio",
        workspace=_WORKSPACE,
        provider=Parameter("a provider; that of the first mailbox by default"),
        ratio=_RATIO,
    ),
    "bad_list": _fleet(
        "a campaign sends to a bad list: mails of the domains that use it bounce at a ratio",
        workspace=_WORKSPACE,
        list=Parameter("number of the list", default=0, minimum=0, maximum=11),
        ratio=_RATIO,
    ),
    "mailbox_suspended": _fleet("a mailbox is suspended and sends nothing", mailbox=_MAILBOX),
    "status_changed": _fleet(
        "the mailboxes of a domain have another status, and send nothing",
        workspace=_WORKSPACE,
        domain=_DOMAIN,
        status=Parameter("the status", default="pending"),
    ),
    "positive_tag_changed": _fleet(
        "the tags of a workspace mean something else: another share of all replies is positive",
        workspace=_WORKSPACE,
        share=Parameter("positive ones of the replies", default=0.8, minimum=0, maximum=1),
    ),
    "sending_stalled": _fleet(
        "all mailboxes of a workspace stay active and send nothing", workspace=_WORKSPACE
    ),
    "campaigns_finished": _fleet(
        "all campaigns of a workspace are finished: nothing is active, and nothing is sent",
        workspace=_WORKSPACE,
    ),
    "campaign_deleted": _fleet(
        "a share of all campaign figures so far is gone, for good: stopping does not bring it back",
        workspace=_WORKSPACE,
        mailbox=Parameter("id or address of the one mailbox it concerns; the whole workspace by default"),
        share=Parameter("share of the figures", default=0.1, minimum=0, maximum=1),
    ),
    "placement_collapse": _fleet(
        "warm-up mail of one domain lands in spam at a ratio, and so says a placement test",
        workspace=_WORKSPACE,
        domain=_DOMAIN,
        ratio=Parameter("spam of warm-up mails", default=0.8, minimum=0, maximum=1),
    ),
    "mailboxes_parked": _fleet(
        "the operator switches the sending of mailboxes off; they stay active, and warm up",
        workspace=_WORKSPACE,
        domain=Parameter("a domain; the whole workspace by default"),
        share=Parameter("share of the mailboxes", default=0.2, minimum=0, maximum=1),
    ),
    "dns_broken": _fleet(
        "the DNS records of a domain break",
        workspace=_WORKSPACE,
        domain=_DOMAIN,
        health=Parameter("health that is left, in percent", default=40, minimum=0, maximum=100),
    ),
    "mailbox_error": _fleet(
        "a mailbox has a last error and stays active",
        mailbox=_MAILBOX,
        text=Parameter("the error", default="Invalid login: 535 5.7.8 Username and Password not accepted"),
    ),
    "tag_renamed": _fleet(
        "a tag of mailboxes has another name",
        workspace=_WORKSPACE,
        tag=Parameter("the tag; the first of the first mailbox by default"),
        to=Parameter("its new name", default="renamed"),
    ),
    "blacklisted": _fleet(
        "mailboxes are on a blacklist, and so says a test",
        workspace=_WORKSPACE,
        share=Parameter("share of the mailboxes", default=0.1, minimum=0, maximum=1),
    ),
    "warmup_stopped": _fleet("the warm-up of a mailbox is switched off", mailbox=_MAILBOX),
    "api_down": _api(
        "the API does not answer",
        mode=Parameter(
            "answer 503, or close the connection", default="refuse_503", choices=("refuse_503", "reset")
        ),
    ),
    "slow": _api(
        "the API answers slowly",
        delay=Parameter(
            "seconds before the answer, or between its bytes", default=5, minimum=0, maximum=3600
        ),
        mode=Parameter("wait before the answer, or drip it", default="delay", choices=("delay", "drip")),
    ),
    "rate_limited": _api(
        "the API answers 429 with Retry-After",
        retry_after=Parameter("seconds to wait", default=30, minimum=0, maximum=86_400),
        form=Parameter(
            "how Retry-After stands: seconds, date, or not at all",
            default="seconds",
            choices=("seconds", "date", "none"),
        ),
    ),
    "key_revoked": Blueprint(
        "a key is refused with 401",
        "api",
        {
            "workspace": Parameter("id or name of the workspace whose key it is; the first one by default"),
            "key": Parameter("a key, instead of a workspace"),
            "duration": _DURATION,
        },
    ),
    "partial_answer": _answer(
        "the API leaves mailboxes out",
        share=Parameter("share of the mailboxes that is left; 0 for none", default=0.5, minimum=0, maximum=1),
    ),
    "malformed": _api("the API answers 200 with a page instead of JSON"),
    "bomb": _api(
        "the API answers with a gzip bomb",
        mebibytes=Parameter("size of the decoded answer", default=512, minimum=1, maximum=16_384),
    ),
    "redirect": _api(
        "the API answers 302",
        location=Parameter("where it points to", default="https://elsewhere.example/"),
    ),
    "unfinished_list": _answer(
        "the list of mailboxes comes in pages, and the answer is the first one",
        rows=Parameter("mailboxes of a page", default=1, minimum=0, maximum=100_000),
        says=Parameter(
            "how the answer says so: hasMore, or a total above its rows alone",
            default="has_more",
            choices=("has_more", "total"),
        ),
    ),
    "workspaces_missing": _answer(
        "the list of workspaces comes back short",
        share=Parameter("share that is left; 0 for none", default=0.5, minimum=0, maximum=1),
    ),
    "totals_wobble": _answer(
        "about every second answer comes from elsewhere, with other totals",
        mode=Parameter(
            "from a replica that is behind, from one that has only zeros, or from one that counted anew",
            default="behind",
            choices=("behind", "zeros", "recount"),
        ),
        minutes=Parameter(
            "simulated minutes that a replica is behind", default=30, minimum=0, maximum=10_000
        ),
        share=Parameter("share of the totals that a recount leaves", default=0.9, minimum=0, maximum=1),
    ),
    "bounce_rate_as_ratio": _answer("bounceRate is a ratio, as documented, and no percentage"),
    "older_answer": _answer("the answer is the older one, without performance and rates"),
    "collector_refused": _answer(
        "the key may not use an endpoint beside the analytics of mailboxes",
        endpoint=Parameter(
            "which one",
            default="all",
            choices=("all", *COLLECTORS),
        ),
        status=Parameter("the status", default="403", choices=("403", "404")),
    ),
    "figures_refused": _answer("the key may list the workspaces, and see nothing of them: 403"),
    "page_missing": _answer("a page of a list in pages never comes: another follows", page=_PAGE),
    "empty_page": _answer(
        "before a page of a list an empty one comes, which says that there is more", page=_PAGE
    ),
    "list_changes": _answer("from page to page of a list, the first mailboxes go and come back"),
    "cursor_loop": _answer("after the last page of a list the first one follows"),
    "last_day_left_out": _answer("the day of `to` is left out of the window, however it is written"),
    "whole_days": _answer("timestamps of a window are taken for their whole days (UTC)"),
}


def blueprint(name: str) -> Blueprint:
    """Return the kind of scenario of a name; raise ValueError when there is none."""
    if name not in SCENARIOS:
        raise ValueError(f"no scenario is called {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
