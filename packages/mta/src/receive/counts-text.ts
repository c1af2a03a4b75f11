/** By command: how many were taken, how many were given. */
export type CommandCounts = Readonly<Record<string, readonly [accepted: number, total: number]>>

/** smtpd(8) tells them in the order of its own table. */
const order =
  'helo ehlo lhlo starttls auth mail rcpt data bdat rset noop vrfy etrn quit expn help unknown'.split(' ')

/** ` ehlo=1 mail=2/3 commands=3/4`. Postfix: the line `disconnect from`. */
export function countsText(counts: CommandCounts): string {
  let accepted = 0
  let total = 0
  let text = ''
  for (const name of order) {
    const [good, all] = counts[name] ?? [0, 0]
    if (all === 0) continue
    accepted += good
    total += all
    text += ` ${name}=${counted(good, all)}`
  }
  return `${text} commands=${total === 0 ? '0/0' : counted(accepted, total)}`
}

function counted(good: number, all: number): string {
  return good === all ? String(all) : `${good}/${all}`
}
