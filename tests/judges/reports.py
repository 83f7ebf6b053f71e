"""Reads a gate's reports as other programs do, and says what it sees as JSON.

    reports.py FOLDER     → {"cases": […], "tables": [[cells of a row…]…], "links": […], "elements": […]}

junit.xml must be valid by junit.xsd, and another program's reader must find the same cases and count them alike; gate.md is rendered by another program than ours.
"""
import json
import pathlib
import sys

import junitparser
import lxml.etree
import lxml.html
import markdown_it


def cases(folder):
    schema = lxml.etree.XMLSchema(file=str(pathlib.Path(__file__).with_name("junit.xsd")))
    tree = lxml.etree.parse(str(folder / "junit.xml"))
    schema.assertValid(tree)
    for suite in tree.iter("testsuite"):
        found = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error")}
        counts = len(suite.findall("testcase")), found["failure"], found["error"]
        said = tuple(int(suite.get(name)) for name in ("tests", "failures", "errors"))
        assert counts == said, f"the suite says {said} and holds {counts}"
    names = [case.get("name") for case in tree.iter("testcase")]
    assert reread(folder) == names, "another reader finds other cases"
    return names


def reread(folder):
    """The names of all cases as junitparser reads them, once its own counts are those that the file says."""
    document = junitparser.JUnitXml.fromfile(str(folder / "junit.xml"))
    for suite in document:
        said = suite.tests, suite.failures, suite.errors
        suite.update_statistics()
        assert said == (suite.tests, suite.failures, suite.errors), f"the suite says {said}"
        for case in suite:
            assert len(case.result) <= 1, f"{case.name} has more than one result"
    return [case.name for suite in document for case in suite]


def rendered(folder):
    # As GitHub does: CommonMark, tables, HTML let through. Whatever is HTML in the end is what the report meant to be.
    html = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render((folder / "gate.md").read_text())
    return lxml.html.fragment_fromstring(html, create_parent="main")


def main(folder):
    folder = pathlib.Path(folder)
    page = rendered(folder)
    tables = []
    for table in page.iter("table"):
        rows = [[cell.text_content() for cell in row] for row in table.iter("tr")]
        assert len({len(row) for row in rows}) == 1, f"rows of different lengths: {rows}"
        tables.append(rows)
    print(json.dumps({
        "cases": cases(folder),
        "tables": tables,
        "links": [link.get("href") for link in page.iter("a")],
        "elements": sorted({it.tag for it in page.iter() if isinstance(it.tag, str)}),
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
