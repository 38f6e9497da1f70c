"""What was read is what is saved, and typing the same answers makes the same document."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.core.model.inputs import good_document
from tests.forms.documents import documents, meaning, typable, typed_again
from tke_tui.core.model.load import load_para, parse_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.forms.draft import Draft

EXAMPLES = Path(__file__).parents[2] / "examples"


@settings(max_examples=12)
@given(documents())
def test_any_document_opened_and_saved_is_equal(para: CreateClusterPara) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name in ("first.json", "second.yaml"):
            file = Path(directory) / name
            Draft(para.model_copy(deep=True)).save(file)
            draft = Draft.open(file)
            draft.save(file)

            assert load_para(file).para == draft.para == para


@settings(max_examples=12)
@given(documents())
def test_any_draft_is_kept_and_restored_as_it_was(para: CreateClusterPara) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = InstallDir(Path(directory) / "global")
        Draft(para.model_copy(deep=True)).autosave(place)

        restored = Draft.restore(place)

    assert restored is not None
    assert restored.para == para


@settings(max_examples=25)
@given(typable())
def test_answers_that_are_typed_make_the_document_they_were_taken_from(para: CreateClusterPara) -> None:
    source = Draft(para)

    typed = typed_again(source)

    assert not typed.unread
    assert meaning(typed.para) == meaning(para)


@pytest.mark.parametrize(
    "file", sorted(p for p in EXAMPLES.iterdir() if p.is_file()), ids=lambda file: file.name
)
def test_the_examples_can_be_typed(file: Path) -> None:
    draft = Draft.open(file)

    assert meaning(typed_again(draft).para) == meaning(draft.para)


def test_a_whole_platform_can_be_typed() -> None:
    para = parse_para(good_document()).para
    assert para is not None

    assert typed_again(Draft(para)).para == para
