import { act } from './dialogue.ts'
import { fillIn, matchLine, type Variables } from './pattern.ts'
import { type Piece, type Script, ScriptError, type Step } from './script.ts'
import { type Cut, SessionClient } from './session-client.ts'

type StepOf<K extends Step['kind']> = Extract<Step, { readonly kind: K }>

interface Peer {
  readonly client: SessionClient
  tags: number
  /** Tag of a command whose answer was a `+` so far. */
  open: string | undefined
  /** Lines that came while nobody asked for them. */
  readonly early: string[]
}

/** What the server announces to somebody who has logged in. */
export async function announces(
  names: readonly string[],
  port: number,
  variables: Variables,
): Promise<boolean> {
  const client = await SessionClient.connect(port, { cut: 'whole', timeoutMs: 10_000, literals: 'literals' })
  try {
    await client.line()
    void client.send(Buffer.from(fillIn('a LOGIN $user $password\r\nb CAPABILITY\r\n', variables)))
    for (
      let line = await client.line();
      line !== undefined && !line.startsWith('b ');
      line = await client.line()
    ) {
      const words = line.toUpperCase().split(' ')
      if (line.startsWith('* CAPABILITY ')) return names.every((name) => words.includes(name.toUpperCase()))
    }
    throw new Error('no answer to CAPABILITY')
  } finally {
    client.destroy()
  }
}

/** Plays an IMAP script in imaptest's manner: each command waits for its tagged answer. */
export async function playImap(script: Script, port: number, variables: Variables, cut: Cut): Promise<void> {
  const peers = new Map<number, Peer>()
  const open = async (connection: number): Promise<Peer> => {
    const known = peers.get(connection)
    if (known !== undefined) return known
    const client = await SessionClient.connect(port, { cut, timeoutMs: 10_000, literals: 'literals' })
    const peer: Peer = { client, tags: 0, open: undefined, early: [] }
    peers.set(connection, peer)
    await enter(peer, script.headers.get('state') ?? 'selected', variables)
    return peer
  }
  try {
    for (let n = 1; n <= Number(script.headers.get('connections') ?? 1); n++) await open(n)
    for (let at = 0; at < script.steps.length; ) {
      const step = script.steps[at]!
      const peer = await open(step.connection)
      if (step.kind === 'command') at = await playCommand(script, at, peer, variables)
      else {
        await playOther(peer, step, variables)
        at++
      }
    }
  } finally {
    for (const { client } of peers.values()) client.destroy()
  }
}

/** Brings a connection into the state the script begins in. */
async function enter(peer: Peer, state: string, variables: Variables): Promise<void> {
  const greeting = await peer.client.line()
  if (state === 'greeting') {
    peer.early.push(greeting ?? '')
    return
  }
  if (state === 'nonauth') return
  await command(peer, fillIn('LOGIN $user $password', variables))
  if (state === 'auth') return
  await command(peer, fillIn('SELECT $mailbox', variables))
}

async function command(peer: Peer, text: string): Promise<void> {
  const tag = `s${++peer.tags}`
  void peer.client.send(Buffer.from(`${tag} ${text}\r\n`))
  for (;;) {
    const line = await peer.client.line()
    if (line === undefined) throw new Error(`the server closed during ${text}`)
    if (!line.startsWith(`${tag} `)) continue
    if (!line.startsWith(`${tag} OK`)) throw new Error(`${text}: ${line}`)
    return
  }
}

async function playCommand(script: Script, from: number, peer: Peer, variables: Variables): Promise<number> {
  const step = script.steps[from] as StepOf<'command'>
  const wanted: StepOf<'untagged' | 'not-untagged'>[] = []
  let at = from + 1
  for (; ; at++) {
    const next = script.steps[at]
    if (
      next === undefined ||
      (next.kind !== 'untagged' && next.kind !== 'not-untagged') ||
      next.when === 'now'
    )
      break
    wanted.push(next)
  }
  const tag = step.tagged === 'tagged' ? `t${++peer.tags}` : (peer.open ?? '')
  void peer.client.send(octetsOf(step.pieces, step.tagged === 'tagged' ? tag : undefined, variables))
  const { answer, untagged } = await readAnswer(peer, step, tag)
  peer.open = step.expect === '+' ? tag : undefined
  const said = step.expect === '+' ? answer : answer.slice(tag.length + 1)
  if (!matchLine(`${step.expect}...`, said, variables, 'any-case'))
    throw new ScriptError(
      step.line,
      `expected ${step.expect}, got ${JSON.stringify(answer)} after ${JSON.stringify(untagged)}`,
    )
  checkUntagged(wanted, untagged, variables)
  return at
}

function octetsOf(pieces: readonly Piece[], tag: string | undefined, variables: Variables): Buffer {
  const parts: Buffer[] = tag === undefined ? [] : [Buffer.from(`${tag} `)]
  for (const piece of pieces) {
    if ('text' in piece) parts.push(Buffer.from(fillIn(piece.text, variables)))
    else parts.push(Buffer.from(`{${piece.literal.length}+}\r\n`), piece.literal)
  }
  return Buffer.concat([...parts, Buffer.from('\r\n')])
}

async function readAnswer(
  peer: Peer,
  step: StepOf<'command'>,
  tag: string,
): Promise<{ answer: string; untagged: string[] }> {
  const untagged = peer.early.splice(0)
  for (;;) {
    const line = await nextLine(peer, step)
    if (line.startsWith('* ')) untagged.push(line.slice(2))
    else if (line.startsWith(`${tag} `) || line.startsWith('+')) return { answer: line, untagged }
    else throw new ScriptError(step.line, `neither untagged nor ours: ${JSON.stringify(line)}`)
  }
}

/** Each wanted line is found once, in any order; each line serves one wish. */
function checkUntagged(
  wanted: readonly StepOf<'untagged' | 'not-untagged'>[],
  seen: readonly string[],
  variables: Variables,
): void {
  const left = [...seen]
  for (const { kind, pattern, line } of wanted) {
    const found = left.findIndex((one) => matchLine(pattern, one, variables, 'any-case'))
    if (kind === 'not-untagged') {
      if (found >= 0) throw new ScriptError(line, `unwanted ${JSON.stringify(left[found])}`)
    } else if (found < 0)
      throw new ScriptError(line, `missing ${JSON.stringify(pattern)} among ${JSON.stringify(left)}`)
    else left.splice(found, 1)
  }
}

async function playOther(peer: Peer, step: Step, variables: Variables): Promise<void> {
  if (step.kind === 'act') await act(peer.client, step)
  else if (step.kind === 'send') void peer.client.send(step.octets)
  else if (step.kind === 'untagged') await untaggedNow(peer, step, variables)
  else throw new ScriptError(step.line, `${step.kind} does not stand alone`)
}

/** A line that comes by itself (IDLE, the greeting, BYE); others before it are kept for the next answer. */
async function untaggedNow(peer: Peer, step: StepOf<'untagged'>, variables: Variables): Promise<void> {
  const early = peer.early.findIndex((line) =>
    matchLine(step.pattern, line.replace(/^\* /, ''), variables, 'any-case'),
  )
  if (early >= 0) {
    peer.early.splice(early, 1)
    return
  }
  for (;;) {
    const line = await nextLine(peer, step)
    if (!line.startsWith('* '))
      throw new ScriptError(step.line, `expected ${step.pattern}, got ${JSON.stringify(line)}`)
    if (matchLine(step.pattern, line.slice(2), variables, 'any-case')) return
    peer.early.push(line.slice(2))
  }
}

async function nextLine(peer: Peer, step: Step): Promise<string> {
  try {
    const line = await peer.client.line()
    if (line !== undefined) return line
  } catch (error) {
    throw new ScriptError(step.line, (error as Error).message)
  }
  throw new ScriptError(step.line, 'the server closed the connection')
}
