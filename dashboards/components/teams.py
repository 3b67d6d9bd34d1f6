"""The choice of a team, the same on every page that is about one."""

from dataclasses import dataclass

import streamlit as st

from dashboards import data
from dashboards.components import banners, selection
from dashboards.viewers import Looking, team_labels


@dataclass(frozen=True, slots=True)
class Team:
    """A team of the viewer, and what to call it."""

    team_id: str
    label: str


def choose(looking: Looking) -> Team | None:
    """The team that the viewer chose; None, and said so, where they have none."""
    teams = data.query("teams", looking.viewer)
    if not teams:
        banners.nothing(
            "You have no team here.",
            "This page shows the teams that you lead or belong to. Other pages are in the navigation.",
        )
        return None
    labels = team_labels(teams)
    with st.container(width=260):
        team_id = selection.choose("Team", "team", list(labels), default=next(iter(labels)), text=labels.__getitem__)
        selection.on_paper(labels[team_id])
    return Team(team_id, labels[team_id])
