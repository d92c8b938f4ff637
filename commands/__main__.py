"""`im`: runs a command. docs/operations.md tells the exit statuses."""

import sys

import click

from commands.declared import im

_INTERRUPTED = 130


def main() -> None:
    """Run a command, and end with its status. What went wrong is said in one line on stderr."""
    try:
        status = im()(prog_name="im", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = error.exit_code
    except click.ClickException as error:
        click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
        status = error.exit_code
    except click.Abort:
        status = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - told, or raised again
        from commands.failures import told  # here: it knows the errors of all parts

        status = told(error)
    sys.exit(status)


if __name__ == "__main__":
    main()
