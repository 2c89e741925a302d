"""Who may enter the reviewers' page: let in, given another token, made a lead and not, and let in no more."""

import pytest


@pytest.fixture
def reviewers(cli, config_file):
    def run(*arguments, code=0):
        ended = cli("reviewers", *arguments, "--config", config_file)
        assert ended.code == code, ended.err
        return ended

    return run


def test_a_link_is_printed_and_what_it_replaces_is_said(reviewers):
    first = reviewers("add", "ann", "--lead")
    assert "ann may enter, as a lead" in first.err
    assert "/login#" in first.out
    again = reviewers("add", "ann", "--lead")
    assert again.out != first.out
    assert "earlier token" in again.err
    assert "none any more" not in again.err


def test_who_is_no_lead_any_more_is_said(reviewers):
    reviewers("add", "ann", "--lead")
    assert "ann was a lead and is none any more" in reviewers("add", "ann").err
    assert "lead" not in reviewers("list").out
    assert "lead" not in reviewers("add", "ann").err


def test_who_is_not_there_cannot_be_removed(reviewers):
    reviewers("add", "ann")
    reviewers("remove", "ann")
    assert "nobody named 'ann'" in reviewers("remove", "ann", code=2).err
    assert "nobody may enter yet" in reviewers("list").err
