/** Versions 2 and 3 of `courierpop3dsizelist`: `/3 NEXT UIDVALIDITY`, then `FILE OCTETS N:UIDVALIDITY[:UTF8]`. */
const headPattern = /^\/[23] \d+(?: \d+)?$/
const linePattern = /^(.+) \d+ (\d{1,10}):(\d{1,10})(?::\d+)?$/

/** What Courier's POP3 server tells of the files, by the base of their names. */
export function parseCourierPop3Ids(text: string): ReadonlyMap<string, string> {
  const [head = '', ...lines] = text.split('\n')
  const ids = new Map<string, string>()
  if (!headPattern.test(head)) return ids
  for (const line of lines) {
    const [, file, number, validity] = linePattern.exec(line) ?? []
    if (file === undefined || number === undefined) continue
    const base = file.split(':2,')[0] as string
    ids.set(base, courierId(base, number, validity as string))
  }
  return ids
}

/** Of messages from before it counted, the name of the file. */
function courierId(base: string, number: string, validity: string): string {
  if (Number(number) !== 0) return Number(validity) === 0 ? `UID${number}` : `UID${number}-${validity}`
  return base.replace(/[^\x21-\x7e]|['"+]/g, (char) =>
    [...Buffer.from(char, 'latin1')]
      .map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
