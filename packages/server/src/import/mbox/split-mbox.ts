import { open } from 'node:fs/promises'
import { headerEnd, headerFields, unfold } from '@posthorn/mail'
import { maxFromLineBytes, parseFromLine } from './from-line.ts'

/** Where one message lies in the file: its From_ line, then its octets without the empty line that ends them. */
export interface MboxExtent {
  readonly dateMs: number
  readonly start: number
  readonly end: number
}

const lf = 0x0a
const readBytes = 1 << 20
const fromBytes = Buffer.from('From ')

/**
 * The messages of an mbox file (RFC 4155; mboxo, mboxrd), read once from beginning to end in bounded memory. A
 * From_ line counts at the beginning and after an empty line, and only with a date in it; where Content-Length
 * leads to another From_ line or to the end, lines inside do not count (mboxcl).
 */
export async function splitMbox(file: string): Promise<readonly MboxExtent[]> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const starts: { at: number; body: number; dateMs: number }[] = []
    let skipTo = 0
    for await (const line of fromLines(handle, size)) {
      if (line.at < skipTo) continue
      starts.push(line)
      skipTo = (await announcedEnd(handle, line.body, size)) ?? 0
    }
    return starts.map(({ body, dateMs }, index) => ({
      dateMs,
      start: body,
      end: starts[index + 1]?.at ?? size,
    }))
  } finally {
    await handle.close()
  }
}

type File = Awaited<ReturnType<typeof open>>

/** Candidates; a line that the end of a read cuts is seen whole with the next one. */
async function* fromLines(handle: File, size: number) {
  const buffer = Buffer.allocUnsafe(readBytes + maxFromLineBytes + 2)
  let position = 0
  while (position < size) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    const octets = buffer.subarray(0, bytesRead)
    const last = position + bytesRead >= size
    // Two octets before a line tell whether it follows an empty one.
    const limit = last ? bytesRead : readBytes
    for (let at = octets.indexOf(fromBytes); at >= 0 && at < limit; at = octets.indexOf(fromBytes, at + 5)) {
      if (position > 0 && at < 3) continue
      if (!(position === 0 && at === 0) && !afterEmptyLine(octets, at)) continue
      const end = octets.indexOf(lf, at)
      if (end < 0 || end - at > maxFromLineBytes) continue
      const dateMs = parseFromLine(octets.toString('latin1', at, end).trimEnd())
      if (dateMs !== undefined) yield { at: position + at, body: position + end + 1, dateMs }
    }
    if (last) return
    position += limit - 3
  }
}

function afterEmptyLine(octets: Buffer, at: number): boolean {
  if (octets[at - 1] !== lf) return false
  const before = octets[at - 2] === 0x0d ? at - 3 : at - 2
  return before < 0 || octets[before] === lf
}

const headBytes = 64 * 1024

/** Where the body ends by Content-Length, when a From_ line or the end of the file is there. */
async function announcedEnd(handle: File, body: number, size: number): Promise<number | undefined> {
  const head = Buffer.allocUnsafe(Math.min(headBytes, size - body))
  const { bytesRead } = await handle.read(head, 0, head.length, body)
  const octets = head.subarray(0, bytesRead)
  const headerBytes = headerEnd(octets)
  const field = [...headerFields(octets.subarray(0, headerBytes))].find(
    ({ name }) => name.toLowerCase() === 'content-length',
  )
  const length = Number(field === undefined ? Number.NaN : unfold(field.rawValue))
  if (!Number.isInteger(length) || length < 0) return undefined
  const end = body + headerBytes + length
  if (end >= size) return end <= size + 2 ? size : undefined
  const after = Buffer.alloc(8)
  await handle.read(after, 0, after.length, end)
  return /^(?:\r?\n)?From /.test(after.toString('latin1')) ? end : undefined
}
