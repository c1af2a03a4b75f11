/** By command: how many were taken, how many were given. */
export type CommandCounts = Readonly<Record<string, readonly [accepted: number, total: number]>>

/** ` ehlo=1 mail=2/3 commands=3/4`. Postfix: the line `disconnect from`. */
export function countsText(counts: CommandCounts): string {
  let accepted = 0
  let total = 0
  let text = ''
  for (const [name, [good, all]] of Object.entries(counts)) {
    if (all === 0) continue
    accepted += good
    total += all
    text += ` ${name}=${counted(good, all)}`
  }
  return `${text} commands=${counted(accepted, total)}`
}

function counted(good: number, all: number): string {
  return good === all ? String(all) : `${good}/${all}`
}
