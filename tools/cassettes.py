"""Record the stories of the course anew, into labkit/lab/cassettes/.

python tools/cassettes.py
"""

from __future__ import annotations

from labkit.lab.stories import STORIES, record


def main() -> None:
    """Write every cassette."""
    for story in STORIES.values():
        story.path.unlink(missing_ok=True)
        ended = record(story, story.path)
        print(f"{story.name}: {ended.status}, {len(ended.attempts)} attempts")


if __name__ == "__main__":
    main()
