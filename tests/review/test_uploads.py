"""Files of labels, line by line."""

import pytest

from streamssl.config import Config
from streamssl.review.decisions import Said
from streamssl.review.people import Person
from streamssl.review.uploads import LINES_TOLD, Uploads, read_labels
from tests.review.desks import NOW, asked, make_desk, outgoing, request, waiting

ANN = Person(name="ann", token="0" * 64)
LEAD = Person(name="lee", is_lead=True, token="1" * 64)


def enter(desk, data, name="labels.csv", person=ANN):
    return Uploads(desk, Config()).enter(person, data.encode(), name, NOW)


def problems(report):
    return {line.number: line.problem for line in report.lines if line.problem}


def test_csv(tmp_path):
    desk = make_desk(tmp_path)
    report = enter(desk, "event_id,label,confidence,comment\ne1,spam,.8,looks odd\ne2,ham,,\n")
    assert (report.accepted, report.refused) == (2, 0)
    assert [(each["event_id"], each["label"], each["annotator"]) for each in outgoing(desk)] == [
        ("e1", "spam", "ann"),
        ("e2", "ham", "ann"),
    ]
    assert outgoing(desk)[0]["confidence"] == 0.8


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_as_spreadsheets_save_it(tmp_path, delimiter):
    desk = make_desk(tmp_path)
    lines = ["event_id,label,not,abstain", 'e1,"007",,', "e2,,spam|ad,", "e3,,,yes", "", ",,,"]
    text = "\ufeff" + "\r\n".join(lines).replace(",", delimiter)
    report = enter(desk, text)
    assert (report.accepted, report.refused) == (3, 0)
    said = [(each["event_id"], each.get("label"), each.get("not"), each.get("abstain")) for each in outgoing(desk)]
    assert said == [("e1", "007", None, None), ("e2", None, ["spam", "ad"], None), ("e3", None, None, True)]


def test_a_file_is_not_among_the_last_answers_and_not_what_was_answered_today(tmp_path):
    """Of thousands of lines nobody could find their own answers again, and undo would take back one of them."""
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", Said("ham"), NOW)
    enter(desk, "event_id,label\n" + "".join(f"x{n},spam\n" for n in range(50)))
    assert [each.event_id for each in desk.recent("ann")] == ["e1"]
    assert desk.answered_since("ann", 0) == 1
    assert desk.tally("ann", 0).answered == 51
    again = desk.answer("ann", "r1", Said("spam"), NOW)
    assert desk.recent("ann") == [again.decision]


def test_who_does_not_know_names_no_class(tmp_path):
    desk = make_desk(tmp_path, request(1))
    assert enter(desk, '{"event_id": "e1", "label": "oops", "abstain": true}', "x.jsonl").accepted == 1
    assert "oops" not in desk.classes()
    [label] = outgoing(desk)
    assert label["abstain"]
    assert label.get("label") is None


def test_a_file_names_no_new_class_where_none_is_wanted(tmp_path):
    desk = make_desk(tmp_path, classes=("ham",), new_classes=False)
    report = enter(desk, "event_id,label\ne1,ham\ne2,hamm\n")
    assert problems(report) == {
        3: "label: there is no class 'hamm', and review_service.new_classes allows no others"
    }
    assert len(outgoing(desk)) == 1


def test_json_lines(tmp_path):
    desk = make_desk(tmp_path)
    report = enter(desk, '{"event_id": 7, "label": true}\n\n{"event_id": "e2", "not": ["ham"]}\n', "x.jsonl")
    assert report.accepted == 2
    assert [(each["event_id"], each.get("label")) for each in outgoing(desk)] == [("7", "true"), ("e2", None)]


def test_every_bad_line_is_named_and_the_good_ones_are_entered(tmp_path):
    desk = make_desk(tmp_path)
    report = enter(
        desk,
        '{"event_id": "e1", "label": "spam"}\n{"label": "spam"}\nnonsense\n[1]\n{"event_id": "e2", "label": {}}\n'
        '{"event_id": "e3", "label": "ham", "confidence": 2}\n{"event_id": "e4", "label": "ham"}',
        "x.jsonl",
    )
    assert (report.accepted, report.refused) == (2, 5)
    found = problems(report)
    assert found.keys() == {2, 3, 4, 5, 6}
    for line, word in {2: "event_id", 3: "not JSON", 4: "object", 5: "label", 6: "confidence"}.items():
        assert word in found[line]
    assert [line.number for line in report.lines] == [2, 3, 4, 5, 6, 1, 7], "what went wrong comes first"


def test_a_csv_file_with_rows_of_other_lengths(tmp_path):
    report = enter(make_desk(tmp_path), "event_id,label\ne1,spam,extra\ne2\ne3,ham\n")
    assert problems(report) == {
        2: "3 cells, the first line has 2",
        3: "1 cells, the first line has 2",
    }
    assert report.accepted == 1


@pytest.mark.parametrize(
    ("data", "name", "word"),
    [
        ("id,verdict\n1,spam\n", "x.csv", "no event_id and no label"),
        ("event_id,label,label\n1,spam,ham\n", "x.csv", "names label more than once"),
        ("event_id,label\n" + "x" * 200_000 + ",spam\n", "x.csv", "not CSV"),
    ],
)
def test_files_that_are_something_else(tmp_path, data, name, word):
    desk = make_desk(tmp_path)
    report = enter(desk, data, name)
    assert word in next(iter(problems(report).values()))
    assert waiting(desk) == 0


def test_not_utf8():
    [line] = read_labels("event_id,label\ne1,café\n".encode("latin-1"), "x.csv")
    assert (line.number, line.problem[:9]) == (2, "not UTF-8")


def test_the_same_file_again_changes_nothing(tmp_path):
    desk = make_desk(tmp_path)
    for _ in range(2):
        assert enter(desk, "event_id,label\ne1,spam\n").accepted == 1
    assert waiting(desk) == 1


def test_a_line_that_answers_a_request_closes_it(tmp_path):
    desk = make_desk(tmp_path, request(1))
    assert enter(desk, "event_id,label,request_id\ne1,spam,r1\n").accepted == 1
    assert outgoing(desk)[0]["request_id"] == "r1"
    assert asked(desk, "bob") is None


@pytest.mark.parametrize("line", ["e1,spam,r9", "e9,spam,r1"])
def test_a_request_that_is_not_about_the_event(tmp_path, line):
    desk = make_desk(tmp_path, request(1))
    assert "request_id" in problems(enter(desk, f"event_id,label,request_id\n{line}\n"))[2]
    assert waiting(desk) == 0


def test_only_a_lead_speaks_for_others(tmp_path):
    desk = make_desk(tmp_path)
    data = "event_id,label,annotator\ne1,spam,bob\n"
    assert "only a lead" in problems(enter(desk, data))[2]
    assert enter(desk, data, person=LEAD).accepted == 1
    assert outgoing(desk)[0]["annotator"] == "bob"


def test_an_empty_label_takes_back(tmp_path):
    desk = make_desk(tmp_path)
    desk.volunteer("ann", "e1", Said("spam"), NOW)
    report = enter(desk, "event_id,label\ne1,\ne2,\n")
    assert report.accepted == 1
    assert "nothing of this annotator" in problems(report)[3]
    assert desk.recent("ann") == []
    assert outgoing(desk)[-1]["label"] is None


def test_who_has_seen_the_guess_says_so_here_too(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", Said("spam"), NOW)
    enter(desk, "event_id,label,request_id\ne1,ham,r1\n")
    assert outgoing(desk)[-1]["seen_prediction"] is True


def test_an_upload_gives_back_what_was_looked_at(tmp_path):
    desk = make_desk(tmp_path, request(1, answers=2))
    assert asked(desk, "ann") == "r1"
    enter(desk, "event_id,label,request_id\ne1,ham,r1\n")
    assert (asked(desk, "ann"), asked(desk, "bob"), asked(desk, "eve")) == (None, "r1", None)


def test_what_was_uploaded_before_something_else_was_said_is_said_again(tmp_path):
    desk = make_desk(tmp_path, request(1))
    for line in ("e1,spam,", "e1,ham,r1", "e1,spam,"):
        enter(desk, f"event_id,label,request_id\n{line}\n")
    assert [each["label"] for each in outgoing(desk)] == ["spam", "ham", "spam"]
    enter(desk, "event_id,label\ne1,\n")
    assert [each["label"] for each in outgoing(desk)[-2:]] == [None, "ham"]


def test_a_line_that_is_too_deep_spoils_no_other(tmp_path):
    desk = make_desk(tmp_path)
    deep = '{"event_id": "e2", "label": "ham", "note": ' + 300 * "[" + 300 * "]" + "}"
    report = enter(desk, '{"event_id": "e1", "label": "spam"}\n' + deep + "\n", "x.jsonl")
    assert (report.accepted, list(problems(report))) == (1, [2])


def test_a_line_ends_where_json_lines_say(tmp_path):
    desk = make_desk(tmp_path)
    lines = '{"event_id": "e1", "label": "a", "comment": "a\u2028b\x85"}\r\n\r\n{"event_id": "e2", "label": 1}'
    report = enter(desk, lines, "x.jsonl")
    assert (report.accepted, report.refused) == (2, 0)
    assert [line.number for line in report.lines] == [1, 3]


@pytest.mark.parametrize(("cell", "seen"), [("true", True), ("1", True), ("no", False), ("", False)])
def test_a_file_can_say_that_the_guess_was_seen(tmp_path, cell, seen):
    desk = make_desk(tmp_path, request(1))
    assert enter(desk, f"event_id,label,request_id,seen_prediction\ne1,spam,r1,{cell}\n").accepted == 1
    assert outgoing(desk)[0].get("seen_prediction", False) is seen


def test_a_report_has_an_end(tmp_path):
    lines = "".join(f"e{number},\n" for number in range(1_500))
    report = enter(make_desk(tmp_path), "event_id,label\n" + lines)
    assert (report.refused, len(report.lines)) == (1_500, LINES_TOLD)
