"""Who looks at a page. Every page gets its `Viewer` from here, and from nowhere else.

The demo (SKILLSMITH_DEMO=1) has a marked switcher. Otherwise somebody must be signed in; until an installation
has sign-in configured there is nobody, and the app shows a refusal and no data. Signing in belongs into
`current_viewer`: map the verified identity to a `Viewer` there (role, accounts, teams, and the pseudonym under which
the person's own events stand, for their own page) and return it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboards import data
from dashboards.components import selection
from warehouse.access import OPERATOR, Role, Viewer
from warehouse.settings import Settings

ACCOUNT_OWNER = "account_owner"
ROLES = {
    Role.TEAM_LEAD.value: "Team lead",
    Role.MEMBER.value: "Team member",
    ACCOUNT_OWNER: "Account owner",
    Role.EXECUTIVE.value: "Executive",
    Role.DATA_ENGINEER.value: "Data engineer",
}


@dataclass(frozen=True, slots=True)
class Looking:
    """The viewer of this page, how to call them, and whether the demo's switcher chose them."""

    viewer: Viewer
    label: str
    is_demo: bool


def current_viewer(settings: Settings) -> Looking | None:
    """The viewer of this session, or None where nobody is signed in.

    Raises NotPublishedError in the demo before the first publish: its team leads come from the published teams.
    """
    return _demo_viewer() if settings.demo else None


def team_labels(teams: Sequence[data.Row]) -> dict[str, str]:
    """What to call each team: its name, with its account's or else its id where two share a name."""
    names = [str(team.get("team_name") or team["team_id"]) for team in teams]
    longer = [f"{name}, {team.get('account_name')}" for team, name in zip(teams, names, strict=True)]
    return {
        str(team["team_id"]): name
        if names.count(name) == 1
        else long
        if longer.count(long) == 1
        else f"{name} ({team['team_id']})"
        for team, name, long in zip(teams, names, longer, strict=True)
    }


def _demo_viewer() -> Looking:
    """The switcher: a role and, for a team lead, whose team. The one place where a page reads as the operator."""
    teams = data.query("teams", OPERATOR)
    labels = team_labels(teams)
    roles = list(ROLES) if teams else [Role.EXECUTIVE.value, Role.DATA_ENGINEER.value]
    with st.popover("Demo: look as …", icon=":material/switch_account:", width="content"):
        st.caption("Sample data. In an installation this is who signed in; there is no switcher.")
        chosen = selection.choose("Look as", "viewer", roles, default=roles[0], text=ROLES.__getitem__, is_told=False)
        if chosen == ACCOUNT_OWNER:
            return _account_owner(teams)
        role = Role(chosen)
        if role not in (Role.TEAM_LEAD, Role.MEMBER):
            return Looking(Viewer(f"demo {role.value}", role), ROLES[role.value], is_demo=True)
        kind = ("Lead of", "lead") if role is Role.TEAM_LEAD else ("Member of", "member")
        first = _first_choice(teams)
        team = selection.choose(*kind, list(labels), default=first, text=labels.__getitem__, is_told=False)
    account = next(str(row["account_id"]) for row in teams if str(row["team_id"]) == team)
    if role is Role.MEMBER:
        # Who uses skills most stands for whoever would sign in.
        busiest = [str(row["actor_key"]) for row in data.query("busiest_member", OPERATOR, team_id=team)]
        actor = busiest[0] if busiest else None
        member = Viewer(f"demo member of {team}", role, frozenset({account}), frozenset({team}), actor)
        return Looking(member, f"Team member, {labels[team]}", is_demo=True)
    # A lead reads their team; the account is theirs by name only, so that its other teams stay out of reach.
    viewer = Viewer(f"demo lead of {team}", Role.TEAM_LEAD, frozenset({account}), frozenset({team}))
    return Looking(viewer, f"Team lead, {labels[team]}", is_demo=True)


def _account_owner(teams: Sequence[data.Row]) -> Looking:
    """Who leads every team of an account; at first of the account with the most teams."""
    names = {str(row["account_id"]): str(row["account_name"]) for row in teams}
    owned = {
        account: frozenset(str(row["team_id"]) for row in teams if str(row["account_id"]) == account)
        for account in names
    }
    most = max(owned, key=lambda account: (len(owned[account]), account))
    account = selection.choose("Owner of", "owner", list(names), default=most, text=names.__getitem__, is_told=False)
    viewer = Viewer(f"demo owner of {account}", Role.TEAM_LEAD, frozenset({account}), owned[account])
    return Looking(viewer, f"Account owner, {names[account]}", is_demo=True)


def _first_choice(teams: Sequence[data.Row]) -> str:
    """The busiest team, so that the demo opens on a page with numbers; else the first."""
    busiest = [str(row["team_id"]) for row in data.query("busiest_team", OPERATOR)]
    known = [str(team["team_id"]) for team in teams]
    return next((team_id for team_id in busiest if team_id in known), known[0])
