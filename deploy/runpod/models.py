"""Prints `path|bytes|url` of each model file of a workflow, for deploy/runpod/Dockerfile."""

import sys

import workflows


def lines(name: str) -> list[str]:
    """One line a file; paths are below ComfyUI's models folder. Raises UnknownWorkflow."""
    files = workflows.load(name).files
    return [
        f"{file.path}|{file.size_bytes}|https://huggingface.co/{file.repo}/resolve/main/{file.repo_path}"
        for file in files
    ]


if __name__ == "__main__":
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines(sys.argv[1])))
    except workflows.UnknownWorkflow as error:
        sys.exit(str(error))
