"""What other tools export is sent as labels; what cannot be one is named by its place."""

import json

import orjson
import pytest

from streamssl.cli import main
from streamssl.config import load_config
from tests.connectors.stand_in import recorded
from tests.connectors.topics import labels

LABEL_STUDIO = recorded("tasks-annotated")["body"]["tasks"]
"""Tasks as the API has them are tasks as the JSON export has them: id, data, meta, annotations."""

PRODIGY = [
    {"text": "a", "meta": {"event_id": "e1"}, "label": "spam", "answer": "accept", "_annotator_id": "ann"},
    {"text": "b", "meta": {"event_id": "e2"}, "label": "spam", "answer": "reject", "_timestamp": 1_700_000_000},
    {"text": "c", "meta": {"event_id": "e3"}, "accept": ["ham"], "answer": "accept"},
    {"text": "d", "meta": {"event_id": "e4"}, "accept": [], "answer": "ignore"},
    {"text": "e", "meta": {"event_id": "e5"}, "accept": ["ham"], "answer": "reject"},
]
DOCCANO = [
    {"id": 1, "text": "a", "event_id": "e1", "label": ["spam"], "Comments": []},
    {"id": 2, "text": "b", "event_id": "e2", "label": [], "Comments": []},
]
ARGILLA = [
    {
        "id": "e1",
        "fields": {"text": "a"},
        "metadata": {},
        "suggestions": {},
        "responses": {"class": [{"value": "spam", "user_id": "u1"}, {"value": "ham", "user_id": "u2"}]},
        "vectors": {},
        "_server_id": "s1",
    },
    {"id": "e2", "fields": {"text": "b"}, "metadata": {}, "suggestions": {}, "responses": {}, "vectors": {}},
]


@pytest.fixture
def sent(tmp_path, capsys):
    """Send an export; return the exit code, what was said, and the labels in the topic."""
    sections = {"sqlite": {"path": str(tmp_path / "topics.db")}}
    (tmp_path / "config.yaml").write_text(json.dumps(sections))

    def send(content, *options):
        file = tmp_path / "export"
        file.write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            main(["label", "--file", str(file), "--config", str(tmp_path / "config.yaml"), *options])
        said = capsys.readouterr().err
        found = labels(load_config(None, sections)) if not ended.value.code else []
        return ended.value.code or 0, said, found

    return send


def as_list(items):
    return orjson.dumps(items)


def as_lines(items):
    return b"\n".join(map(orjson.dumps, items))


def test_label_studio(sent):
    code, _, found = sent(as_list(LABEL_STUDIO), "--format", "label-studio")
    assert code == 0
    by_event = {each["event_id"]: each for each in found}
    assert by_event.keys() == {"event-0", "event-1", "event-2"}
    assert (by_event["event-0"]["label"], by_event["event-2"]["label"]) == ("spam", "ham")
    assert by_event["event-1"]["abstain"] is True
    assert by_event["event-0"]["request_id"] == "request-0"
    assert by_event["event-0"]["annotator"] == "label-studio-1"
    assert "seen_prediction" not in by_event["event-0"]
    assert by_event["event-0"]["time"].startswith("2026-")


GUESS = {"score": 0.1, "result": [{"type": "choices", "from_name": "label", "value": {"choices": ["spam"]}}]}


@pytest.mark.parametrize(
    ("item", "annotation", "seen"),
    [
        ({"predictions": [GUESS]}, {}, True),
        ({"predictions": [7, GUESS | {"result": []}]}, {}, None),
        ({}, {"prediction": GUESS}, True),
        ({}, {"prediction": {}}, None),
    ],
)
def test_an_answer_beside_which_there_was_a_guess_says_so(sent, item, annotation, seen):
    """As the answer to a request it would say that the model is better than it is."""
    [first] = [task for task in LABEL_STUDIO if task["meta"]["streamssl"]["event_id"] == "event-0"]
    changed = first | item | {"annotations": [first["annotations"][0] | annotation]}
    _, _, [label] = sent(as_list([changed]), "--format", "label-studio")
    assert label["request_id"] == "request-0"
    assert label.get("seen_prediction") is seen


def test_of_several_annotations_by_one_person_the_newest_is_sent_last(sent):
    [first] = [task for task in LABEL_STUDIO if task["meta"]["streamssl"]["event_id"] == "event-0"]
    [newer] = first["annotations"]
    result = [newer["result"][0] | {"value": {"choices": ["ham"]}}]
    older = newer | {"id": 1, "updated_at": "2020-01-01T00:00:00Z", "result": result}
    _, _, found = sent(as_list([first | {"annotations": [newer, older]}]), "--format", "label-studio")
    assert [each["label"] for each in found] == ["ham", "spam"]


@pytest.mark.parametrize("form", [as_lines, as_list])
def test_a_byte_order_mark_is_no_harm(sent, form):
    assert len(sent(b"\xef\xbb\xbf" + form([DOCCANO[0]]), "--format", "doccano")[2]) == 1


def test_a_question_left_open_is_no_answer(sent):
    left_open = ARGILLA[0] | {"responses": {"class": [{"value": None, "user_id": "u1"}]}}
    code, _, found = sent(as_list([left_open]), "--format", "argilla")
    assert (code, found) == (0, [])


def test_prodigy(sent):
    code, _, found = sent(as_lines(PRODIGY), "--format", "prodigy", "--annotator", "bob")
    assert code == 0
    assert found == [
        {"event_id": "e1", "label": "spam", "annotator": "ann"},
        {"event_id": "e2", "not": ["spam"], "annotator": "bob", "time": 1_700_000_000_000},
        {"event_id": "e3", "label": "ham", "annotator": "bob"},
        {"event_id": "e4", "abstain": True, "annotator": "bob"},
    ]


def test_doccano(sent):
    code, _, found = sent(as_lines(DOCCANO), "--format", "doccano", "-a", "ann")
    assert (code, found) == (0, [{"event_id": "e1", "label": "spam", "annotator": "ann"}])


def test_argilla(sent):
    code, _, found = sent(as_list(ARGILLA), "--format", "argilla")
    assert code == 0
    assert found == [
        {"event_id": "e1", "label": "spam", "annotator": "u1"},
        {"event_id": "e1", "label": "ham", "annotator": "u2"},
    ]


def test_the_event_id_may_lie_elsewhere(sent):
    _, _, found = sent(as_lines([DOCCANO[0]]), "--format", "doccano", "--event-id", "id")
    assert found == [{"event_id": 1, "label": "spam"}]


def test_one_of_several_questions(sent):
    several = ARGILLA[0] | {"responses": ARGILLA[0]["responses"] | {"sure": [{"value": 5, "user_id": "u1"}]}}
    code, said, _ = sent(as_list([several]), "--format", "argilla")
    assert code == 2
    assert "--control" in said
    _, _, found = sent(as_list([several]), "--format", "argilla", "--control", "class")
    assert [each["label"] for each in found] == ["spam", "ham"]


@pytest.mark.parametrize(
    ("tool", "content", "problem"),
    [
        ("doccano", as_lines([DOCCANO[0] | {"label": ["spam", "ham"]}]), "line 1: has 2 classes"),
        ("doccano", as_lines([{"id": 1, "label": ["spam"]}]), "line 1: has no event id at event_id"),
        ("doccano", as_lines(DOCCANO) + b"\n{", "line 3: not JSON"),
        ("prodigy", as_lines(DOCCANO), "line 1: is not what prodigy exports"),
        ("label-studio", as_list([{"id": 1, "label": "spam"}]), "item 1: is not what label-studio exports"),
        ("argilla", as_list([[]]), "item 1: must be an object"),
        ("argila", b"", "did you mean 'argilla'?"),
    ],
)
def test_what_cannot_be_a_label_is_named_and_nothing_is_sent(sent, tool, content, problem):
    code, said, _ = sent(content, "--format", tool)
    assert code == 2
    assert problem in said
