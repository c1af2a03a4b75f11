/** Somebody at work on a mailbox of his own, who knows what must be there: before or after what he does last. */
import assert from 'node:assert/strict'
import { Wire } from '../clients/wire.ts'

export const password = 'secret'

/** Deterministic, of 40 octets to 20 KB, some longer than the log takes. */
export const bodyOf = (id: string): string => {
  let seed = 7
  for (const character of id) seed = (seed * 31 + character.charCodeAt(0)) % 1_000_003
  const sizeBytes = seed % 23 === 0 ? 300_000 : 40 + (seed % 20_000)
  return `${id} ${id}\r\n`.repeat(Math.ceil(sizeBytes / (2 * id.length + 3))).trimEnd()
}

export const messageOf = (id: string): string =>
  `From: <a@example.net>\r\nSubject: ledger\r\nX-Ledger: ${id}\r\n\r\n${bodyOf(id)}\r\n`

/** `id` with its flag; by UID. */
type Box = ReadonlyMap<number, { readonly id: string; readonly flagged: boolean }>
type Boxes = ReadonlyMap<string, Box>

const contentOf = (boxes: Boxes): string =>
  [...boxes]
    .map(
      ([name, box]) =>
        `${name}: ${[...box.values()].map((one) => `${one.id}${one.flagged ? '!' : ''}`).sort()}`,
    )
    .sort()
    .join('\n')

const names = ['INBOX', 'Box', 'Tmp'] as const

/** The server is gone, or this session of it. */
export const isBroken = (error: unknown, wire: Wire | undefined): boolean => {
  if (error instanceof assert.AssertionError) return false
  const { code } = error as { readonly code?: string }
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || wire?.closed !== false
}

export class ImapActor {
  readonly user: string
  operations = 0
  #boxes: Boxes = new Map([['INBOX', new Map()]])
  /** What may be there instead, when the last command was not answered. */
  #otherwise: Boxes | undefined
  /** Everything that a UID ever named. */
  readonly #uids = new Map<string, string>()
  #wire: Wire | undefined
  #selected = ''
  #number = 0
  #tag = 0

  constructor(user: string) {
    this.user = user
  }

  /** Works until the connection breaks or `isOver`. Throws when something is not as it must be. */
  async work(port: number, isOver: () => boolean, pause: () => Promise<unknown>): Promise<void> {
    try {
      await this.#connect(port)
      await this.#reconcile()
      while (!isOver()) {
        await this.#step()
        this.operations++
        await pause()
      }
    } catch (error) {
      if (!isBroken(error, this.#wire)) throw error
    } finally {
      this.#wire?.close()
    }
  }

  /** Reads all of it, octet for octet. */
  async verify(port: number): Promise<void> {
    await this.#connect(port)
    await this.#reconcile()
    for (const [name, box] of this.#boxes) {
      await this.#select(name)
      for (const [uid, { id }] of box) {
        const answer = await this.#command(`UID FETCH ${uid} BODY.PEEK[]`)
        assert.ok(answer.includes(messageOf(id)), `${this.user} ${name} ${uid}: ${id} is not whole`)
      }
    }
    this.#wire?.close()
  }

  async #connect(port: number): Promise<void> {
    this.#selected = ''
    const wire = await Wire.open(port)
    this.#wire = wire
    await wire.hears(/^\* OK.*\r\n/, 60_000)
    await this.#command(`LOGIN ${this.user} ${password}`)
  }

  async #command(text: string): Promise<string> {
    const wire = this.#wire as Wire
    const tag = `a${++this.#tag}`
    wire.heard = ''
    wire.send(`${tag} ${text}\r\n`)
    const heard = await wire.hears(new RegExp(`(^|\\n)${tag} .*\\r\\n`), 120_000)
    const line = heard.slice(heard.lastIndexOf(`${tag} `))
    assert.ok(line.startsWith(`${tag} OK`), `${this.user}: ${text.slice(0, 80)}: ${line}`)
    return heard
  }

  async #select(name: string): Promise<void> {
    if (this.#selected !== name) await this.#command(`SELECT ${name}`)
    this.#selected = name
  }

  /** What is there is what must be: as it was before the last command, or as it is after it. */
  async #reconcile(): Promise<void> {
    const list = await this.#command('LIST "" *')
    const found = new Map<string, Box>()
    for (const name of names) {
      if (!new RegExp(`" ${name}\\r\\n`).test(list)) continue
      found.set(name, await this.#read(name))
    }
    const is = contentOf(found)
    const allowed = [this.#boxes, ...(this.#otherwise ? [this.#otherwise] : [])].map(contentOf)
    assert.ok(allowed.includes(is), `${this.user}\nfound:\n${is}\nallowed:\n${allowed.join('\nor:\n')}`)
    this.#boxes = found
    this.#otherwise = undefined
  }

  async #read(name: string): Promise<Box> {
    this.#selected = ''
    const opened = await this.#command(`SELECT ${name}`)
    this.#selected = name
    const validity = /UIDVALIDITY (\d+)/.exec(opened)?.[1]
    const box = new Map<number, { id: string; flagged: boolean }>()
    const answer = await this.#command('UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-LEDGER)])')
    for (const part of answer.split(/\r\n(?=\* \d+ FETCH)|^(?=\* \d+ FETCH)/)) {
      const uid = /UID (\d+)/.exec(part)?.[1]
      const id = /X-Ledger: (\S+)/i.exec(part)?.[1]
      if (uid === undefined || id === undefined) continue
      box.set(Number(uid), { id, flagged: part.includes('\\Flagged') })
      const place = `${name} ${validity} ${uid}`
      assert.equal(
        this.#uids.get(place) ?? id,
        id,
        `${this.user}: UID ${uid} of ${name} names something else`,
      )
      this.#uids.set(place, id)
    }
    return box
  }

  /** Does it; while it is not answered both states are allowed. */
  async #change(after: Boxes, work: () => Promise<unknown>): Promise<void> {
    this.#otherwise = after
    await work()
    this.#boxes = after
    this.#otherwise = undefined
  }

  async #step(): Promise<void> {
    const dice = Math.random()
    const inbox = this.#boxes.get('INBOX') as Box
    if (inbox.size < 10 || (dice < 0.35 && inbox.size < 400)) return this.#append()
    if (dice < 0.5) return this.#copyOrMove('COPY')
    if (dice < 0.65) return this.#copyOrMove('MOVE')
    if (dice < 0.75) return this.#flag()
    if (dice < 0.87) return this.#expunge()
    return this.#makeOrDelete()
  }

  #with(...changes: [string, Box | undefined][]): Boxes {
    const boxes = new Map(this.#boxes)
    for (const [name, box] of changes) {
      if (box === undefined) boxes.delete(name)
      else boxes.set(name, box)
    }
    return boxes
  }

  /** One message, or several that are there together or not at all (RFC 3502 §6.3.11). */
  async #append(): Promise<void> {
    const count = Math.random() < 0.3 ? 2 + Math.floor(Math.random() * 3) : 1
    const ids = Array.from({ length: count }, () => `${this.user}.${++this.#number}.`)
    const literals = ids.map(messageOf).map((text) => `{${text.length}+}\r\n${text}`)
    const inbox = new Map(this.#boxes.get('INBOX'))
    ids.forEach((id, at) => {
      inbox.set(Number.MAX_SAFE_INTEGER - at, { id, flagged: false })
    })
    await this.#change(this.#with(['INBOX', inbox]), async () => {
      const answer = await this.#command(`APPEND INBOX ${literals.join(' ')}`)
      const [first, last = first] = (/APPENDUID \d+ ([\d:]+)/.exec(answer)?.[1] ?? '').split(':').map(Number)
      assert.equal(Number(last) - Number(first) + 1, count, answer)
      ids.forEach((id, at) => {
        inbox.delete(Number.MAX_SAFE_INTEGER - at)
        inbox.set(Number(first) + at, { id, flagged: false })
      })
    })
  }

  #pick(box: Box): number[] {
    const share = Math.random() < 0.2 ? 1 : Math.random() * 0.3
    return [...box.keys()].filter(() => Math.random() < share)
  }

  async #copyOrMove(verb: 'COPY' | 'MOVE'): Promise<void> {
    const [from = 'INBOX', to = 'INBOX'] = [...this.#boxes.keys()].sort(() => Math.random() - 0.5)
    const source = new Map(this.#boxes.get(from))
    const target = from === to ? source : new Map(this.#boxes.get(to))
    const uids = this.#pick(source)
    if (uids.length === 0 || (verb === 'COPY' && source.size + target.size > 1_500)) return
    uids.forEach((uid, at) => {
      target.set(Number.MAX_SAFE_INTEGER - at, source.get(uid) as { id: string; flagged: boolean })
      if (verb === 'MOVE') source.delete(uid)
    })
    const after = this.#with([from, source], [to, target])
    await this.#select(from)
    await this.#change(after, () => this.#command(`UID ${verb} ${uids.join(',')} ${to}`))
    // New UIDs are read, so that they are known.
    this.#boxes = this.#with([to, await this.#read(to)])
    assert.equal(contentOf(this.#boxes), contentOf(after))
  }

  async #flag(): Promise<void> {
    const name = [...this.#boxes.keys()][Math.floor(Math.random() * this.#boxes.size)] as string
    const box = new Map(this.#boxes.get(name))
    const uids = this.#pick(box)
    if (uids.length === 0) return
    for (const uid of uids) box.set(uid, { id: box.get(uid)?.id ?? '', flagged: true })
    await this.#select(name)
    const command = `UID STORE ${uids.join(',')} +FLAGS.SILENT (\\Flagged)`
    await this.#change(this.#with([name, box]), () => this.#command(command))
  }

  /** \Deleted is not part of what is compared: only its end is. */
  async #expunge(): Promise<void> {
    const name = [...this.#boxes.keys()][Math.floor(Math.random() * this.#boxes.size)] as string
    const box = new Map(this.#boxes.get(name))
    const uids = this.#pick(box)
    if (uids.length === 0) return
    await this.#select(name)
    await this.#command(`UID STORE ${uids.join(',')} +FLAGS.SILENT (\\Deleted)`)
    for (const uid of uids) box.delete(uid)
    await this.#change(this.#with([name, box]), () => this.#command(`UID EXPUNGE ${uids.join(',')}`))
  }

  async #makeOrDelete(): Promise<void> {
    const name = Math.random() < 0.5 ? 'Box' : 'Tmp'
    if (!this.#boxes.has(name)) {
      await this.#change(this.#with([name, new Map()]), () => this.#command(`CREATE ${name}`))
      return
    }
    if (this.#selected === name) await this.#select('INBOX')
    await this.#change(this.#with([name, undefined]), () => this.#command(`DELETE ${name}`))
  }
}
