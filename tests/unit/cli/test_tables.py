"""Tables: what one copies is never cut, what is long is, and more that exists is said."""

from server.cli import output
from server.cli.output import Output, counted, cut, emit_list, fitting

COLUMNS = {"ID": lambda one: one["id"], "DATA": lambda one: one["data"]}
ITEM = {"id": "ex_" + "0" * 26, "data": "x" * 200}


def test_columns_that_may_be_cut_give_way_data_first_then_the_widest():
    assert fitting(["WORKFLOW", "TYPE", "DATA"], [30, 20, 25], 50) == [19, 19, 8]
    assert fitting(["WORKFLOW", "TYPE", "DATA"], [30, 20, 25], 70) == [30, 20, 16]
    assert fitting(["ID", "WORKFLOW", "DATA"], [29, 20, 100], 80) == [29, 20, 27]
    assert fitting(["ID", "DATA"], [29, 5], 80) == [29, 5]


def test_an_id_keeps_its_width_where_nothing_fits():
    assert fitting(["ID", "DATA"], [29, 60], 20) == [29, 8]


def test_a_cut_text_shows_that_it_is_cut():
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


def test_numbers_and_nouns_agree():
    assert [counted(number, "fault") for number in (0, 1, 2)] == ["0 faults", "1 fault", "2 faults"]


def test_a_terminal_gets_one_line_for_each_item_and_all_of_it_when_asked(monkeypatch, capsys):
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    emit_list([ITEM], Output.TABLE, COLUMNS, lambda one: one["id"])
    line = capsys.readouterr().out.splitlines()[1]
    assert (len(line), line[:29], line[-1]) == (80, ITEM["id"], "…")
    emit_list([ITEM], Output.TABLE, COLUMNS, lambda one: one["id"], full=True)
    assert ITEM["data"] in capsys.readouterr().out


def test_what_is_left_out_is_said(capsys):
    emit_list([ITEM], Output.TABLE, COLUMNS, lambda one: one["id"], following="c")
    assert "1 shown, more exist" in capsys.readouterr().err
    emit_list([ITEM], Output.JSON, COLUMNS, lambda one: one["id"], following="c")
    assert '"next":"c"' in capsys.readouterr().out
