import { CommandError, exit } from './shell.ts'

export interface Options {
  /** In the order given. */
  readonly flags: readonly { readonly flag: string; readonly value: string }[]
  readonly rest: readonly string[]
  has(flag: string): boolean
  /** The last one's argument. */
  value(flag: string): string | undefined
  values(flag: string): readonly string[]
}

/**
 * getopt(3), as Postfix's commands use it: `-nx`, `-c dir`, `-cdir`, `--` ends. `known` lists the letters, with
 * a colon after those that take an argument. Throws CommandError.
 */
export function getopt(args: readonly string[], known: string, usage: string): Options {
  const flags: { flag: string; value: string }[] = []
  let at = 0
  for (; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '--') {
      at++
      break
    }
    if (!word.startsWith('-') || word === '-') break
    for (let i = 1; i < word.length; i++) {
      const flag = word[i] ?? ''
      const place = flag === ':' ? -1 : known.indexOf(flag)
      if (place === -1) throw wrongUse(usage, `invalid option -- '${flag}'`)
      if (known[place + 1] !== ':') {
        flags.push({ flag, value: '' })
        continue
      }
      const attached = word.slice(i + 1)
      const value = attached === '' ? args[++at] : attached
      if (value === undefined) throw wrongUse(usage, `option requires an argument -- '${flag}'`)
      flags.push({ flag, value })
      break
    }
  }
  return {
    flags,
    rest: args.slice(at),
    has: (flag) => flags.some((one) => one.flag === flag),
    value: (flag) => flags.findLast((one) => one.flag === flag)?.value,
    values: (flag) => flags.filter((one) => one.flag === flag).map((one) => one.value),
  }
}

const wrongUse = (usage: string, notice: string) => new CommandError(`usage: ${usage}`, exit.failure, notice)
