import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Framer, type FramerLimits } from './framer.ts'

const limits: FramerLimits = { commandBytes: 64, swallowBytes: 100 }

/** How the session of the test answers an announced literal. */
type Answer = 'buffer' | 'stream' | 'refuse'

interface Row {
  readonly name: string
  readonly input: string
  readonly answer?: Answer
  readonly lines?: 'raw'
  readonly expect: readonly string[]
}

/** What came out, one line an event; octets of a stream are put together, since their pieces follow the split. */
function run({ answer = 'buffer', lines }: Row, pieces: readonly Buffer[]): string[] {
  const framer = new Framer(limits)
  const events: string[] = []
  let streamed = ''
  const drain = () => {
    for (;;) {
      if (lines === 'raw') framer.expectLine()
      const event = framer.next()
      if (event === undefined) return
      switch (event.kind) {
        case 'command': {
          const literals = event.frame.literals.map((literal) =>
            Buffer.isBuffer(literal) ? literal.toString('latin1') : `streamed ${literal.streamedBytes}`,
          )
          events.push(['command', event.frame.text.toString('latin1'), ...literals].join('|'))
          break
        }
        case 'line':
          events.push(`line|${event.line.toString('latin1')}`)
          break
        case 'literal': {
          const { sizeBytes, sync, binary, fits, soFar } = event
          const marks = `${sync ? 'sync' : 'now'}${binary ? ' binary' : ''}${fits ? '' : ' too large'}`
          events.push(`literal|${soFar.text.toString('latin1')}|${sizeBytes} ${marks}`)
          if (answer === 'buffer' && fits) framer.buffer()
          else if (answer === 'stream') framer.stream()
          else framer.refuse()
          break
        }
        case 'octets':
          streamed += event.octets.toString('latin1')
          if (event.last) {
            events.push(`octets|${streamed}`)
            streamed = ''
          }
          break
        case 'unreadable':
          events.push(`unreadable|${event.reason}|${event.soFar.toString('latin1', 0, 6)}`)
          break
        case 'flood':
          events.push('flood')
          return
      }
    }
  }
  for (const piece of pieces) {
    framer.push(piece)
    drain()
  }
  return events
}

function piecesOf(bytes: Buffer, sizeBytes: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += sizeBytes) pieces.push(bytes.subarray(at, at + sizeBytes))
  return pieces
}

const long = 'x'.repeat(80)

const table: readonly Row[] = [
  { name: 'RFC 9051 §2.2.1: a line is a command', input: 'a NOOP\r\n', expect: ['command|a NOOP'] },
  {
    name: 'bare LF ends a line, as at Dovecot',
    input: 'a NOOP\nb NOOP\n',
    expect: ['command|a NOOP', 'command|b NOOP'],
  },
  { name: 'RFC 9051 §5.5: pipelining', input: 'a 1\r\nb 2\r\n', expect: ['command|a 1', 'command|b 2'] },
  { name: 'empty lines between commands are passed over', input: '\r\n\na 1\r\n', expect: ['command|a 1'] },
  { name: 'a bare CR stays for the parser to refuse', input: 'a \rb\r\n', expect: ['command|a \rb'] },
  {
    name: 'RFC 9051 §4.3: synchronising literal',
    input: 'a LOGIN {3}\r\nbob {2}\r\nx\n\r\n',
    expect: [
      'literal|a LOGIN {3}|3 sync',
      'literal|a LOGIN {3}\r\n {2}|2 sync',
      'command|a LOGIN {3}\r\n {2}\r\n|bob|x\n',
    ],
  },
  {
    name: 'RFC 7888: non-synchronising literal',
    input: 'a X {5+}\r\n\r\n\r\n} y\r\nb 1\r\n',
    expect: ['literal|a X {5+}|5 now', 'command|a X {5+}\r\n y|\r\n\r\n}', 'command|b 1'],
  },
  {
    name: 'RFC 3516 §4.4: literal8 with NUL',
    input: 'a X ~{2+}\r\n\0\0\r\n',
    expect: ['literal|a X ~{2+}|2 now binary', 'command|a X ~{2+}\r\n|\0\0'],
  },
  {
    name: 'an empty literal',
    input: 'a X {0+}\r\n\r\n',
    expect: ['literal|a X {0+}|0 now', 'command|a X {0+}\r\n|'],
  },
  {
    name: 'a literal in a list',
    input: 'a X ({1+}\r\nq)\r\n',
    expect: ['literal|a X ({1+}|1 now', 'command|a X ({1+}\r\n)|q'],
  },
  {
    name: 'RFC 9051 §6.3.12: streamed, then the rest of the line and an empty one (Thunderbird)',
    input: 'a APPEND x {6+}\r\nab\r\ncd\r\n\r\nb 1\r\n',
    answer: 'stream',
    expect: [
      'literal|a APPEND x {6+}|6 now',
      'octets|ab\r\ncd',
      'command|a APPEND x {6+}\r\n|streamed 6',
      'command|b 1',
    ],
  },
  {
    name: 'streaming nothing',
    input: 'a APPEND x {0+}\r\n\r\n',
    answer: 'stream',
    expect: ['literal|a APPEND x {0+}|0 now', 'octets|', 'command|a APPEND x {0+}\r\n|streamed 0'],
  },
  {
    name: 'a refused synchronising literal: the client goes on with its next command',
    input: 'a X {9}\r\nb 1\r\n',
    answer: 'refuse',
    expect: ['literal|a X {9}|9 sync', 'command|b 1'],
  },
  {
    name: 'a refused non-synchronising literal is never read as commands',
    input: 'a X {12+}\r\nz LOGOUT\r\n\r\n more\r\nb 1\r\n',
    answer: 'refuse',
    expect: ['literal|a X {12+}|12 now', 'command|b 1'],
  },
  {
    name: 'neither are the literals after it',
    input: 'a X {3+}\r\nabc {4+}\r\nb 1\n (x {2+}\r\nq\n)\r\nc 1\r\n',
    answer: 'refuse',
    expect: ['literal|a X {3+}|3 now', 'command|c 1'],
  },
  {
    name: 'a synchronising literal after a refused one is a new exchange',
    input: 'a X {3+}\r\nabc {4}\r\nc 1\r\n',
    answer: 'refuse',
    expect: ['literal|a X {3+}|3 now', 'command|c 1'],
  },
  {
    name: 'a literal that does not fit is announced as such',
    input: 'a X {60}\r\nb 1\r\n',
    expect: ['literal|a X {60}|60 sync too large', 'command|b 1'],
  },
  {
    name: 'literals count together',
    input: `a X {30+}\r\n${'y'.repeat(30)} {30+}\r\n${'z'.repeat(30)}\r\nb 1\r\n`,
    expect: ['literal|a X {30+}|30 now', 'literal|a X {30+}\r\n {30+}|30 now too large', 'command|b 1'],
  },
  {
    name: 'more than will be swallowed asks to close',
    input: 'a X {101+}\r\nabc',
    expect: ['literal|a X {101+}|101 now too large', 'flood'],
  },
  {
    name: 'an absurd size is a size',
    input: 'a X {9223372036854775807+}\r\nabc',
    answer: 'refuse',
    expect: ['literal|a X {9223372036854775807+}|9223372036854776000 now too large', 'flood'],
  },
  {
    name: 'no literal begins inside a word: the parser refuses',
    input: 'a X y{3}\r\nb 1\r\n',
    expect: ['command|a X y{3}', 'command|b 1'],
  },
  {
    name: 'but the octets of y{3+} come all the same',
    input: 'a X y{3+}\r\nb 1 z\r\nc 1\r\n',
    expect: ['literal|a X y{3+}|3 now', 'command|a X y{3+}\r\n z|b 1', 'command|c 1'],
  },
  {
    name: '{} and {x} announce nothing',
    input: 'a {}\r\nb {x}\r\n',
    expect: ['command|a {}', 'command|b {x}'],
  },
  {
    name: 'a line that is too long',
    input: `a ${long}\r\nb 1\r\n`,
    expect: ['unreadable|too-long|a xxxx', 'command|b 1'],
  },
  {
    name: 'the literal at the end of a line that is too long is swallowed',
    input: `a ${long} {6+}\r\nz 1\r\n\n tail\r\nb 1\r\n`,
    expect: ['unreadable|too-long|a xxxx', 'command|b 1'],
  },
  {
    name: 'a line of exactly the limit',
    input: `${'x'.repeat(64)}\r\nb 1\r\n`,
    expect: [`command|${'x'.repeat(64)}`, 'command|b 1'],
  },
  {
    name: 'one octet more',
    input: `${'x'.repeat(65)}\r\nb 1\r\n`,
    expect: ['unreadable|too-long|xxxxxx', 'command|b 1'],
  },
  {
    name: 'RFC 9051 §9: no NUL',
    input: 'a N\0OP\r\nb 1\r\n',
    expect: ['unreadable|nul|a N\0OP', 'command|b 1'],
  },
  {
    name: 'NUL, then a literal: swallowed',
    input: 'a \0 {4+}\r\nz 1\n rest\r\nb 1\r\n',
    expect: ['unreadable|nul|a \0 {4', 'command|b 1'],
  },
  {
    name: 'RFC 9051 §6.3.13, §6.2.2: lines that are no commands',
    input: 'DONE\r\nAGEAYg==\n{3+}\r\n\r\n',
    lines: 'raw',
    expect: ['line|DONE', 'line|AGEAYg==', 'line|{3+}', 'line|'],
  },
  {
    name: 'a raw line that is too long',
    input: `${long}\r\nDONE\r\n`,
    lines: 'raw',
    expect: ['unreadable|too-long|xxxxxx', 'line|DONE'],
  },
]

for (const row of table) {
  test(row.name, () => {
    const bytes = Buffer.from(row.input, 'latin1')
    assert.deepEqual(run(row, [bytes]), row.expect)
    assert.deepEqual(run(row, piecesOf(bytes, 1)), row.expect, 'octet by octet')
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(run(row, [bytes.subarray(0, cut), bytes.subarray(cut)]), row.expect, `cut at ${cut}`)
    }
  })
}

test('RFC 9051 §6.2.1: STARTTLS drops what was pipelined in the clear', () => {
  const framer = new Framer()
  framer.push(Buffer.from('a STARTTLS\r\nb LOGIN x y\r\nc NO'))
  assert.equal(framer.next()?.kind, 'command')
  framer.discard()
  assert.equal(framer.next(), undefined)
  assert.ok(framer.idle)
  framer.push(Buffer.from('d NOOP\r\n'))
  const event = framer.next()
  assert.equal(event?.kind === 'command' && event.frame.text.toString(), 'd NOOP')
})

test('refuse while streaming: the rest of the literal and of the command is dropped', () => {
  const framer = new Framer(limits)
  framer.push(Buffer.from('a APPEND x {10}\r\n'))
  assert.equal(framer.next()?.kind, 'literal')
  framer.stream()
  framer.push(Buffer.from('12345'))
  assert.equal(framer.next()?.kind, 'octets')
  framer.refuse()
  framer.push(Buffer.from('z 1\r\n\r\nb 1\r\n'))
  const event = framer.next()
  assert.equal(event?.kind === 'command' && event.frame.text.toString(), 'b 1')
})

test('limits may change between commands', () => {
  const framer = new Framer({ commandBytes: 8, swallowBytes: 8 })
  framer.setLimits({ commandBytes: 100, swallowBytes: 8 })
  framer.push(Buffer.from(`a ${'x'.repeat(50)}\r\n`))
  assert.equal(framer.next()?.kind, 'command')
})

test('a line sent octet by octet costs memory for the line only', () => {
  const framer = new Framer({ commandBytes: 1000, swallowBytes: 0 })
  let unreadable = 0
  for (let sent = 0; sent < 100_000; sent++) {
    framer.push(Buffer.from('y'))
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      assert.equal(event.kind, 'unreadable')
      unreadable++
    }
  }
  assert.equal(unreadable, 1)
  assert.equal(framer.pendingBytes, 0)
})

test('thousands of literals in a command cost no more than its octets', () => {
  const count = 7_000
  const framer = new Framer()
  const startedMs = performance.now()
  framer.push(Buffer.from(`a SEARCH ${'{1+}\r\nx '.repeat(count)}\r\n`))
  let event = framer.next()
  for (; event?.kind === 'literal'; event = framer.next()) framer.buffer()
  assert.ok(event?.kind === 'command')
  assert.equal(event.frame.text.toString(), `a SEARCH ${Array(count).fill('{1+}').join('\r\n ')}\r\n `)
  assert.deepEqual(Buffer.concat(event.frame.literals as Buffer[]), Buffer.alloc(count, 'x'))
  // Put together anew for each literal, they took four seconds.
  assert.ok(performance.now() - startedMs < 1_000)
})

test('what was told of a command stays as it was when more of it comes', () => {
  const framer = new Framer()
  framer.push(Buffer.from('a X {1+}\r\nx {2+}\r\nyy (z {0+}\r\n)\r\n'))
  const told: string[] = []
  const seen: Buffer[] = []
  for (let event = framer.next(); event?.kind === 'literal'; event = framer.next()) {
    seen.push(event.soFar.text)
    told.push(event.soFar.text.toString())
    framer.buffer()
  }
  assert.deepEqual(told, ['a X {1+}', 'a X {1+}\r\n {2+}', 'a X {1+}\r\n {2+}\r\n (z {0+}'])
  assert.deepEqual(seen.map(String), told)
})
