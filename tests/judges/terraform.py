"""Reads a Terraform module with another program's parser, and prints what is wrong with it.

    terraform.py FOLDER

Every parameter of the template must be a variable and be handed to the stack, every output must be an output, whatever is
referred to must be there, and the text must be as `terraform fmt` leaves it.
"""
import pathlib
import re
import sys

import cfnlint.decode.cfn_yaml
import hcl2


def plain(name):
    return name.strip('"')


def blocks(documents, kind):
    """Name → body of every block of a kind; of resources and data the name is type.name."""
    found = {}
    for document in documents:
        for block in document.get(kind, []):
            for first, body in block.items():
                inner = [(name, it) for name, it in body.items() if isinstance(it, dict)]
                if kind in ("resource", "data"):
                    found.update({f"{plain(first)}.{plain(name)}": it for name, it in inner})
                else:
                    found[plain(first)] = body
    return found


def format_of(file):
    """What `terraform fmt` would change: indentation by depth, signs of neighbouring lines, spaces at ends, empty lines."""
    depth, group = 0, []
    lines = file.read_text().split("\n")
    if lines[-1] or (len(lines) > 1 and not lines[-2]):
        yield f"{file.name}: it has to end with one line end"
    for number, line in enumerate(lines[:-1], 1):
        body = line.strip()
        if body.startswith("}"):
            depth -= 1
        if line != ("  " * depth + body if body else ""):
            yield f"{file.name}:{number}: indentation or spaces at the end"
        if not body and number > 1 and not lines[number - 2]:
            yield f"{file.name}:{number}: two empty lines"
        assignment = re.match(r'( *)("[^"]*"|[\w.-]+)( +)= \S', line)
        if assignment and not body.endswith("{"):
            group.append((number, assignment.end(3)))
        else:
            if len({column for _, column in group}) > 1:
                yield f"{file.name}:{group[0][0]}: signs that are not below each other"
            group = []
        if body.endswith("{"):
            depth += 1


def main(folder):
    folder = pathlib.Path(folder)
    files = sorted(folder.glob("*.tf"))
    documents = [hcl2.loads(file.read_text()) for file in files]
    text = "\n".join(file.read_text() for file in files)
    template = cfnlint.decode.cfn_yaml.load(str(folder / "main.template.yaml"))
    variables, outputs, resources, data = (blocks(documents, kind) for kind in ("variable", "output", "resource", "data"))
    problems = [problem for file in files for problem in format_of(file)]
    problems += [f"{name} is no output" for name in template["Outputs"] if name not in outputs]
    given = {plain(name): value for name, value in resources["aws_cloudformation_stack.main"]["parameters"].items()}
    # What the module does not know itself is a variable of the same name.
    shipped = {"ArtifactBucket", "CodeKey", "ConsolePrefix", "WorkerImage"} if (folder / "release").is_dir() else set()
    problems += [f"{name} is no variable" for name in template["Parameters"] if (name in variables) == (name in shipped)]
    problems += [f"{name} is no file" for name in re.findall(r'"\$\{path\.module\}/([\w./-]+)"', text)
                 if not (folder / name).is_file()]
    if shipped:
        console = resources["aws_s3_object.console"]["for_each"]
        problems += [f"{name} is no file" for name in console if not (folder / "release/console" / plain(name)).is_file()]
        made = cfnlint.decode.cfn_yaml.load(str(folder / "foundation.template.yaml"))["Outputs"]
        problems += [f"{name} is no output" for name in re.findall(r'foundation\.outputs\["(\w+)"\]', text)
                     if name not in made]
    problems += [f"{name} is not handed on" for name in template["Parameters"] if name not in given]
    problems += [f"var.{name} is nowhere" for name in re.findall(r"\bvar\.(\w+)", text) if name not in variables]
    problems += [f"data.{name} is nowhere" for name in re.findall(r"\bdata\.(\w+\.\w+)", text) if name not in data]
    problems += [f"{name} is nowhere" for name in re.findall(r"(?<![.\w\"])((?:aws_|terraform_data)\w*\.\w+)", text) if name not in resources]
    for needed in ("required_version", "required_providers", "hashicorp/aws"):
        if needed not in text:
            problems.append(f"there is no {needed}")
    print("\n".join(problems), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
