import { Presets, SingleBar } from 'cli-progress'

/** Tells how far a long command is. */
export interface Progress {
  mailbox(name: string, messages: number): void
  done(messages: number): void
  end(): void
}

/** A bar at a terminal, else a line for each mailbox that has something new. */
export function createProgress(
  target: NodeJS.WriteStream | undefined,
  line: (text: string) => void,
): Progress {
  return target?.isTTY === true ? barProgress(target) : lineProgress(line)
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  let bar: SingleBar | undefined
  return {
    mailbox(name, messages) {
      bar?.stop()
      bar = new SingleBar(
        { stream, format: `{bar} {value}/{total} ${name} {eta_formatted}`, hideCursor: true },
        Presets.shades_classic,
      )
      bar.start(messages, 0)
    },
    done: (messages) => bar?.increment(messages),
    end: () => bar?.stop(),
  }
}

function lineProgress(line: (text: string) => void): Progress {
  return {
    mailbox: (name, messages) => {
      if (messages > 0) line(`${name}: ${messages} to bring\n`)
    },
    done: () => undefined,
    end: () => undefined,
  }
}
