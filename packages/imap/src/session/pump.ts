/**
 * From octets to answers: takes what the framer finds, runs one command at a time in the order in which
 * they came (so that no pipelining is ambiguous, RFC 9051 §5.5), and answers each. Those that only wait for the disk
 * wait together, see `Unanswered`.
 */
import { OwnTurn } from '@posthorn/storage'
import {
  bad,
  type Command,
  type Completion,
  type LiteralSink,
  no,
  type Outcome,
  ok,
} from '../commands/command.ts'
import { inProgress, silentCommands } from '../commands/in-progress.ts'
import { readsUtf8 } from '../commands/mailbox-text.ts'
import type { Frame } from '../wire/frame.ts'
import type { FramerEvent } from '../wire/framer.ts'
import { Parser } from '../wire/parser.ts'
import { SyntaxFault, uidRequired } from '../wire/syntax-fault.ts'
import { answer, type Call, enter, finish, judged } from './answers.ts'
import type { ImapSession } from './imap-session.ts'
import type { Session, StateName } from './session.ts'
import { Unanswered } from './unanswered.ts'

/** Runs until all input is used up. Never rejects. */
export async function runCommands(session: ImapSession): Promise<void> {
  session.busy = true
  const turn = new OwnTurn()
  const unanswered = new Unanswered(session)
  try {
    if (session.pushing !== undefined) await session.pushing
    for (;;) {
      // Told while others had their turn, too: nobody else would end a session that was busy then.
      const { farewell } = session
      if (farewell !== undefined) {
        await unanswered.answerAll()
        session.bye(farewell.text, farewell.reason)
      }
      if (session.gone) return
      const event = session.framer.next()
      if (event !== undefined) await take(session, event, unanswered)
      else if (unanswered.none) break
      else await unanswered.answerAll()
      await turn.pass()
    }
  } catch (error) {
    session.logFault('Session failed', error)
    session.bye(
      '[SERVERBUG] Internal error occurred. Refer to server log for more information.',
      'Internal error',
    )
  } finally {
    // Octets that come while this waits would find the session busy, and nobody would look at them afterwards.
    if (!unanswered.none) await unanswered.answerAll()
    session.busy = false
    if (session.gone) session.dropLiterals()
  }
  if (session.endsAfterCommand) session.connection.end()
  else {
    session.wantInput()
    session.catchUp()
    if (!session.framer.idle && !session.gone) session.connection.acknowledge()
  }
}

function take(session: ImapSession, event: FramerEvent, unanswered: Unanswered): Promise<void> | undefined {
  switch (event.kind) {
    case 'command':
      return takeCommand(session, event.frame, unanswered)
    case 'literal':
      return takeLiteral(session, event, unanswered)
    case 'octets':
      unanswered.octetsCame(event.octets.length)
      return takeOctets(session, event.octets, event.last)
    default:
      return unanswered.none
        ? takeOther(session, event)
        : unanswered.answerAll().then(() => takeOther(session, event))
  }
}

type OtherEvent = Exclude<FramerEvent, { kind: 'command' | 'literal' | 'octets' }>

function takeOther(session: ImapSession, event: OtherEvent): Promise<void> | undefined {
  switch (event.kind) {
    case 'unreadable': {
      if (session.idling) return endIdle(session, undefined)
      session.dropLiterals()
      const reason = event.reason === 'nul' ? 'NUL octet in the command' : 'Too long line or literals'
      answer(session, tagOf(event.soFar), bad(`Error in IMAP command received by server: ${reason}.`))
      return undefined
    }
    case 'flood':
      session.bye('Too much data sent against our refusal', 'Flood')
      return undefined
    case 'line':
      // Otherwise asked for by nobody any more.
      return session.idling ? endIdle(session, event.line) : undefined
  }
}

/** Tag, name, state. @throws SyntaxFault */
function readCall(
  session: ImapSession,
  p: Parser,
): Call | { readonly tag: string; readonly refused: Completion } {
  const tag = p.tag()
  let name = p.sp().keyword()
  if (name === 'UID') name += ` ${p.sp().keyword()}`
  const command = session.services.commands.find(name)
  if (command === undefined) {
    const text = session.account === undefined ? 'received by server' : name
    return { tag, refused: bad(`Error in IMAP command ${text}: Unknown command.`) }
  }
  if (!command.states.includes(session.state)) {
    return { tag, refused: bad(`Error in IMAP command ${name}: ${wrongState(session.state, command)}.`) }
  }
  if (command.numbers === 'uses' && !name.startsWith('UID ') && session.enabled('UIDONLY'))
    throw uidRequired()
  return { tag, name, command, numbering: name.startsWith('UID ') ? 'uid' : 'sequence' }
}

function wrongState(state: StateName, command: Command): string {
  if (state === 'not-authenticated') return 'Please log in first'
  return command.states.includes('selected') ? 'No mailbox selected' : 'Already logged in'
}

async function takeCommand(session: ImapSession, frame: Frame, unanswered: Unanswered): Promise<void> {
  if (session.state === 'not-authenticated' && isHttp(frame.text)) {
    session.bye('This is IMAP, not HTTP', 'HTTP request')
    return
  }
  const tag = tagOf(frame.text)
  let name = ''
  try {
    const p = parserFor(session, frame)
    const call = readCall(session, p)
    if ('refused' in call) {
      await unanswered.answerAll()
      answer(session, tag, call.refused)
      return
    }
    name = call.name
    const rightsSuspect = session.mailbox?.rightsSuspect ?? false
    if (rightsSuspect || !unanswered.lets(call.command)) await unanswered.answerAll()
    if (rightsSuspect && !(await session.renewRights())) return
    // What is done at once is answered at once: all of it leaves in one packet.
    const work = runCall(session, call, p)
    const outcome = work instanceof Promise ? await work : work
    if (outcome === undefined) return
    if ('lets' in outcome) {
      unanswered.add(call, outcome)
      if (unanswered.isFull) await unanswered.answerAll()
      return
    }
    if (!unanswered.none) await unanswered.answerAll()
    await finish(session, call, outcome)
  } catch (error) {
    if (!unanswered.none) await unanswered.answerAll()
    answer(session, tag, judged(session, error, name))
  } finally {
    session.dropLiterals()
    if (unanswered.none) session.dropSignal()
  }
}

function runCall(session: ImapSession, call: Call, p: Parser): Promise<Outcome> | Outcome {
  const { command } = call
  enter(session, call)
  const variant = session as unknown as Session
  const args = command.args(p, variant)
  p.end()
  const work = command.run(variant, args)
  const isSilent = silentCommands.has(call.name) && command.begins === 'in turn'
  return isSilent && work instanceof Promise ? inProgress(session, work) : work
}

/** IDLE ends with whatever line comes; the command itself is long gone (RFC 9051 §6.3.13). */
async function endIdle(session: ImapSession, line: Buffer | undefined): Promise<void> {
  await session.endIdle()
  const done = line !== undefined && line.toString('latin1').trim().toUpperCase() === 'DONE'
  await finish(session, idleCall(session), done ? ok('Idle completed') : bad('Expected DONE.'))
}

function idleCall(session: ImapSession): Call {
  return {
    tag: session.tag,
    name: 'IDLE',
    numbering: 'sequence',
    command: session.services.commands.find('IDLE')!,
  }
}

type LiteralEvent = Extract<FramerEvent, { kind: 'literal' }>

/** Decides about an announced literal: into memory, to the command that wants it as a stream, or not at all. */
async function takeLiteral(session: ImapSession, event: LiteralEvent, unanswered: Unanswered): Promise<void> {
  const { framer } = session
  const tag = tagOf(event.soFar.text)
  let name = ''
  try {
    const p = parserFor(session, event.soFar)
    const call = readCall(session, p)
    // Who waits for our `+` hears of what was before first.
    const isFree = 'command' in call && unanswered.lets(call.command) && !event.sync
    if (!isFree && !unanswered.none) await unanswered.answerAll()
    if ('refused' in call) {
      // What fits is read and refused as a whole.
      if (!event.fits) return refuse(session, tag, call.refused, unanswered)
    } else {
      name = call.name
      session.tag = tag
      session.numbering = call.numbering
      const wish = await call.command.literal?.(session as unknown as Session, p, event.sizeBytes)
      if (typeof wish === 'object') {
        if ('status' in wish) return refuse(session, tag, wish, unanswered)
        session.literals.push(wish)
        if (session.gone) return
        framer.stream()
        return goAhead(session, event)
      }
    }
    if (!event.fits) {
      const tooBig = no('Literal is larger than this command may be', 'TOOBIG')
      return refuse(session, tag, tooBig, unanswered)
    }
    framer.buffer()
    goAhead(session, event)
  } catch (error) {
    await refuse(session, tag, judged(session, error, name), unanswered)
  }
}

function goAhead(session: ImapSession, { sync }: LiteralEvent): void {
  if (sync) session.connection.write('+ OK\r\n')
}

async function refuse(
  session: ImapSession,
  tag: string,
  completion: Completion,
  unanswered: Unanswered,
): Promise<void> {
  if (!unanswered.none) await unanswered.answerAll()
  session.framer.refuse()
  session.dropLiterals()
  answer(session, tag, completion)
}

/** To the sink of the literal under way. */
function takeOctets(session: ImapSession, octets: Buffer, last: boolean): Promise<void> | undefined {
  const sink: LiteralSink | undefined = session.literals[session.literals.length - 1]
  if (sink === undefined) return undefined
  const written = octets.length > 0 ? sink.write(octets) : undefined
  if (!last) return written
  return written === undefined ? sink.end() : written.then(() => sink.end())
}

function parserFor(session: ImapSession, frame: Frame): Parser {
  return new Parser(frame, { utf8: readsUtf8(session) })
}

/** The tag if the line begins with one: an answer to anything else is untagged. */
function tagOf(line: Buffer): string {
  try {
    const p = new Parser({ text: line, literals: [] })
    const tag = p.tag()
    p.sp()
    return tag
  } catch (error) {
    if (error instanceof SyntaxFault) return '*'
    throw error
  }
}

const httpRequest = /^(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT|DELETE|PATCH|TRACE) [^ ]+ HTTP\//

/** A browser talked into talking to us (ALPACA, CVE-2021-3618): nothing of it may be taken for commands. */
function isHttp(line: Buffer): boolean {
  return httpRequest.test(line.toString('latin1'))
}
