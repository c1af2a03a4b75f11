import { findHeader, octetsOf, parameterText, parseParameters } from '@posthorn/mail'

type Octets = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A message in its pieces: whole headers, lines of bodies, lines that are boundaries. */
type Piece =
  | { readonly kind: 'header'; readonly bytes: Buffer; readonly type: string; readonly encoding: string }
  | { readonly kind: 'line' | 'boundary'; readonly bytes: Buffer }

/** A header beyond it is no header: the rest is passed on as it is. */
const maxHeaderBytes = 131_072
const maxLineBytes = 65_536
const maxDepth = 100
const lf = 0x0a
const cr = 0x0d

/**
 * The message in 7 bits, for a server without 8BITMIME: bodies with octets above 127 become quoted-printable (text)
 * or base64 (everything else). RFC 6152 §3, RFC 2045 §6. Reads the message twice; what has no such octets comes out
 * as it went in. Headers stay: RFC 2047 words would be guesses at a charset.
 */
export async function* sevenBit(content: () => Octets): AsyncGenerator<Uint8Array> {
  const wide = await wideEntities(content())
  if (wide.size === 0) {
    yield* content()
    return
  }
  let entity = -1
  let encoder: Encoder | undefined
  for await (const piece of pieces(content())) {
    if (piece.kind === 'line' && encoder !== undefined) {
      yield* encoder.line(piece.bytes)
      continue
    }
    if (piece.kind !== 'line' && encoder !== undefined) yield* encoder.end()
    if (piece.kind !== 'line') encoder = undefined
    if (piece.kind !== 'header') yield piece.bytes
    else {
      entity++
      const encoding = wide.has(entity) ? encodingFor(piece.type) : undefined
      if (encoding !== undefined) encoder = encoding === 'base64' ? new Base64Lines() : new QuotedLines()
      yield withEncoding(piece, encoding)
    }
  }
  if (encoder !== undefined) yield* encoder.end()
}

/** Numbers of the entities whose own body has octets above 127 and says nothing of an encoding. */
const wideEntities = async (content: Octets): Promise<Set<number>> => {
  const wide = new Set<number>()
  let entity = -1
  let open = true
  for await (const piece of pieces(content)) {
    if (piece.kind === 'header') {
      entity++
      open = isLeaf(piece.type) && !/^(base64|quoted-printable)$/.test(piece.encoding)
    } else if (piece.kind === 'boundary') open = false
    else if (open && !wide.has(entity) && piece.bytes.some((octet) => octet > 0x7f)) wide.add(entity)
  }
  return wide
}

const isLeaf = (type: string): boolean => !type.startsWith('multipart/') && !type.startsWith('message/')
const encodingFor = (type: string): 'quoted-printable' | 'base64' =>
  type === '' || type.startsWith('text/') ? 'quoted-printable' : 'base64'

/** RFC 2045 §6.4: what encloses encoded parts is 7bit itself. */
const withEncoding = (
  { bytes, encoding }: Extract<Piece, { kind: 'header' }>,
  chosen: 'quoted-printable' | 'base64' | undefined,
): Buffer => {
  const now = chosen ?? (encoding === '8bit' || encoding === 'binary' ? '7bit' : undefined)
  if (now === undefined) return bytes
  const kept: Buffer[] = []
  for (const { name, start, end } of fieldsOf(bytes))
    if (name !== 'content-transfer-encoding') kept.push(bytes.subarray(start, end))
  const version =
    findHeader(bytes, 'mime-version') === undefined && encoding === '' ? 'MIME-Version: 1.0\r\n' : ''
  return Buffer.concat([...kept, Buffer.from(`${version}Content-Transfer-Encoding: ${now}\r\n\r\n`)])
}

/** Fields of a header block with their places; the empty line at its end is none of them. */
function* fieldsOf(block: Buffer): Generator<{ name: string; start: number; end: number }> {
  let start = 0
  while (start < block.length) {
    let end = start
    do end = nextLine(block, end)
    while (end < block.length && (block[end] === 0x20 || block[end] === 0x09))
    const line = block.subarray(start, end)
    if (isEmpty(line)) return
    yield { name: line.toString('latin1').split(':', 1)[0]?.trim().toLowerCase() ?? '', start, end }
    start = end
  }
}

const nextLine = (bytes: Buffer, from: number): number => {
  const feed = bytes.indexOf(lf, from)
  return feed < 0 ? bytes.length : feed + 1
}

const isEmpty = (line: Buffer): boolean =>
  line.length <= 2 && (line[0] === lf || (line[0] === cr && line[1] === lf))

/** Lines with their ends; a line that is too long comes in pieces. */
async function* linesOf(content: Octets): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of content) {
    const bytes = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk])
    let at = 0
    for (let feed = bytes.indexOf(lf); feed >= 0; feed = bytes.indexOf(lf, at)) {
      yield bytes.subarray(at, feed + 1)
      at = feed + 1
    }
    held = bytes.subarray(at)
    if (held.length < maxLineBytes) continue
    yield held
    held = Buffer.alloc(0)
  }
  if (held.length > 0) yield held
}

/** RFC 2045 and RFC 2046 §5.1: headers of parts and of enclosed messages, as deep as any sane message goes. */
async function* pieces(content: Octets): AsyncGenerator<Piece> {
  const boundaries: string[] = []
  let header: Buffer[] | undefined = []
  let headerBytes = 0
  for await (const line of linesOf(content)) {
    if (header !== undefined) {
      header.push(line)
      headerBytes += line.length
      if (!isEmpty(line) && headerBytes <= maxHeaderBytes) continue
      const block = headerOf(Buffer.concat(header))
      yield block
      header = undefined
      headerBytes = 0
      if (block.type === 'message/rfc822' && !/^(base64|quoted-printable)$/.test(block.encoding)) header = []
      else if (block.boundary !== '' && boundaries.length < maxDepth) boundaries.push(block.boundary)
      continue
    }
    const depth = boundaryAt(line, boundaries)
    if (depth < 0) yield { kind: 'line', bytes: line }
    else {
      yield { kind: 'boundary', bytes: line }
      const isLast = line.toString('latin1', 2).startsWith('--', boundaries[depth]?.length ?? 0)
      boundaries.length = isLast ? depth : depth + 1
      if (!isLast) header = []
    }
  }
  if (header !== undefined && header.length > 0) yield { kind: 'line', bytes: Buffer.concat(header) }
}

const boundaryAt = (line: Buffer, boundaries: readonly string[]): number => {
  if (boundaries.length === 0 || line[0] !== 0x2d || line[1] !== 0x2d) return -1
  const text = line.toString('latin1', 2)
  return boundaries.findLastIndex((boundary) => text.startsWith(boundary))
}

const headerOf = (bytes: Buffer): Extract<Piece, { kind: 'header' }> & { readonly boundary: string } => {
  const octets = octetsOf(bytes)
  const { value, parameters } = parseParameters(findHeader(octets, 'content-type') ?? '')
  const type = value.trim().toLowerCase()
  const encoding = (findHeader(octets, 'content-transfer-encoding') ?? '').trim().toLowerCase()
  const boundary = type.startsWith('multipart/') ? (parameterText(parameters, 'boundary') ?? '') : ''
  return { kind: 'header', bytes, type, encoding, boundary }
}

interface Encoder {
  line(line: Buffer): Iterable<Buffer>
  end(): Iterable<Buffer>
}

const maxQuotedLine = 76

/** RFC 2045 §6.7: line by line; line ends stay line ends. */
class QuotedLines implements Encoder {
  *line(line: Buffer): Iterable<Buffer> {
    const hasEnd = line.at(-1) === lf
    const body = line.subarray(0, line.length - (hasEnd ? (line.at(-2) === cr ? 2 : 1) : 0))
    let out = ''
    let column = 0
    body.forEach((octet, at) => {
      const blank = octet === 0x20 || octet === 0x09
      const plain =
        (octet > 0x20 && octet < 0x7f && octet !== 0x3d) || (blank && (at < body.length - 1 || !hasEnd))
      const word = plain
        ? String.fromCharCode(octet)
        : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
      if (column + word.length > maxQuotedLine - 1) {
        out += '=\r\n'
        column = 0
      }
      out += word
      column += word.length
    })
    yield Buffer.from(hasEnd ? `${out}\r\n` : out, 'latin1')
  }

  *end(): Iterable<Buffer> {}
}

/** Octets of a base64 line of 76 characters. */
const base64LineBytes = 57

/** RFC 2045 §6.8. The line end before a boundary belongs to the boundary. */
class Base64Lines implements Encoder {
  #held: Buffer = Buffer.alloc(0);

  *line(line: Buffer): Iterable<Buffer> {
    this.#held = Buffer.concat([this.#held, line])
    // The last two octets may be the boundary's line end.
    const whole = Math.floor(Math.max(this.#held.length - 2, 0) / base64LineBytes) * base64LineBytes
    if (whole === 0) return
    yield encoded(this.#held.subarray(0, whole))
    this.#held = Buffer.from(this.#held.subarray(whole))
  }

  *end(): Iterable<Buffer> {
    const held = this.#held
    const ends = held.at(-1) === lf ? (held.at(-2) === cr ? 2 : 1) : 0
    if (held.length > ends) yield encoded(held.subarray(0, held.length - ends))
  }
}

const encoded = (bytes: Buffer): Buffer => {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += base64LineBytes)
    lines.push(bytes.toString('base64', at, Math.min(at + base64LineBytes, bytes.length)))
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1')
}
