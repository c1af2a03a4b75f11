import { StoreError } from '@posthorn/storage'
import type { NotifySpec } from '../wire/notify-groups.ts'
import { ClientLink } from './client-link.ts'
import { keywordLines } from './news-lines.ts'
import { type NoticeReader, Notices } from './notices.ts'
import type { MailboxWatcher, OpenMailbox } from './open-mailbox.ts'
import { SearchContexts } from './search-contexts.ts'
import type { SelectedSession } from './session.ts'
import { tellNews } from './tell-news.ts'

/** Long enough for a packet of its own, too short for people. */
const pauseMs = 100

/** What a session says unasked: news of the selected mailbox and, after NOTIFY, of others. */
export abstract class ListeningSession extends ClientLink implements MailboxWatcher {
  mailbox: OpenMailbox | undefined
  /** IDLE waits for its line. A flag and not a running command: thousands of clients do only this. */
  idling = false
  /** News are kept from where IDLE begins and ends (imap_client_quirks). */
  protected pausesAfterIdling = false
  /** News do not come with FETCH, but with what follows (imap_client_quirks). */
  protected fetchesWithoutNews = false
  #pause: NodeJS.Timeout | undefined
  /** The pump runs; octets that come wait for it. */
  busy = false
  #notices: Notices | undefined
  #stopNotices: (() => void) | undefined
  #contexts: SearchContexts | undefined
  /** Under way while the client listens. */
  #news: Promise<void> | undefined

  /** Says goodbye and ends the connection. @param reason for the log */
  abstract bye(text: string, reason: string): void
  /** @param what `Cannot …`, without the command's arguments */
  abstract logFault(what: string, error: unknown): void
  /** Sets the deadline by what we wait for. */
  protected abstract expectSilence(): void

  async sendNews(expunges: 'send' | 'hold'): Promise<void> {
    const mailbox = this.mailbox
    if (mailbox?.rightsSuspect && !(await this.renewRights())) return
    const lastKnown = mailbox?.uids[mailbox.uids.length - 1] ?? 0
    // Who follows a search, or is told of changes by NOTIFY, needs what they were.
    const isPlain = this.#contexts === undefined && this.#notices === undefined
    if (isPlain && (await mailbox?.knowsAll(this.store))) return
    const news = await mailbox?.news(this.store, expunges)
    if (mailbox === undefined || news === undefined) return
    const notices = this.#notices
    await tellNews(this as unknown as SelectedSession, mailbox, {
      news,
      lastKnown,
      selected: notices?.spec?.selected,
      contexts: this.#contexts,
      madeHere: (modSeq) => notices?.madeHere(mailbox.id, modSeq) ?? false,
    })
  }

  get contexts(): SearchContexts {
    this.#contexts ??= new SearchContexts()
    return this.#contexts
  }

  /** Before each use of a mailbox whose rights may have changed. False when it may not be read any more. */
  async renewRights(): Promise<boolean> {
    const mailbox = this.mailbox
    const outcome = await mailbox?.renewRights(this.store)
    if (outcome === 'changed') this.keywordsChanged()
    // RFC 4314 §5.1.1: most clients do not handle NO to every command.
    else if (outcome === 'lost')
      this.bye('You may not read the selected mailbox any more.', 'Right to read was revoked')
    return outcome !== 'lost'
  }

  // NOTIFY (RFC 5465).

  get notices(): Notices | undefined {
    return this.#notices
  }

  async notify(spec: NotifySpec, status: 'STATUS' | 'no status'): Promise<void> {
    await this.followNotices().start(spec, status)
  }

  protected followNotices(): Notices {
    if (this.#notices !== undefined) return this.#notices
    const notices = new Notices(this as unknown as NoticeReader, () => this.#push())
    this.#notices = notices
    // The command may outlast its client: nobody would stop it.
    if (!this.gone) this.#stopNotices = this.services.watch.listen((wake) => notices.wake(wake))
    return notices
  }

  protected dropNotices(): void {
    this.#stopNotices?.()
    this.#stopNotices = undefined
    this.#notices = undefined
  }

  /** With the mailbox that they are of. */
  protected forgetContexts(): void {
    this.#contexts = undefined
  }

  /** The client's fault lets it lose what comes with this command's answer. */
  answersWithoutNews(command: string): boolean {
    return (command === 'FETCH' && this.fetchesWithoutNews) || (command === 'IDLE' && this.pausesAfterIdling)
  }

  /** The client wants to hear of the mailbox that it has selected. */
  get wantsNews(): boolean {
    const spec = this.#notices?.spec
    return spec === undefined || spec.selected !== undefined
  }

  async startIdle(): Promise<void> {
    // Clients that read up to the continuation, and then wait for octets to come, do not see what follows in one read.
    if (this.#hasNews && this.wantsNews && !this.pausesAfterIdling) {
      try {
        await this.sendNews('send')
      } catch (error) {
        this.newsFailed(error)
      }
    }
    if (this.gone) return
    this.connection.write('+ idling\r\n')
    this.framer.expectLine()
    this.idling = true
    this.mailbox?.rest()
    this.expectSilence()
    if (this.pausesAfterIdling) this.#pauseNews()
    else this.#push()
  }

  #pauseNews(): void {
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.#push()
    }, pauseMs)
    this.#pause.unref()
  }

  async endIdle(): Promise<void> {
    this.idling = false
    clearTimeout(this.#pause)
    this.#pause = undefined
    this.expectSilence()
    // News under way must not mix with what the next command says.
    await this.#news
  }

  mailboxChanged(): void {
    this.#push()
  }

  /** News on their way to a client that has not asked: no command may begin before they are written. */
  get pushing(): Promise<void> | undefined {
    return this.idling ? undefined : this.#news
  }

  /** What came while a command ran. */
  catchUp(): void {
    if (this.#notices?.spec !== undefined && this.#hasNews) this.#push()
  }

  /** In IDLE, and after NOTIFY whenever no command is under way. */
  get #listens(): boolean {
    return this.idling || (!this.busy && this.#notices?.spec !== undefined)
  }

  get #expunges(): 'send' | 'hold' {
    return !this.idling && this.#notices?.spec?.selected?.expunges === 'delayed' ? 'hold' : 'send'
  }

  get #hasNews(): boolean {
    if (this.#notices?.pending) return true
    if (this.mailbox === undefined || !this.wantsNews) return false
    return this.#expunges === 'send' ? this.mailbox.stale : this.mailbox.suspected
  }

  #push(): void {
    if (this.#news !== undefined || this.#pause !== undefined || !this.#listens || this.gone) return
    this.#news = this.#pushNews().finally(() => {
      this.#news = undefined
    })
  }

  keywordsChanged(): void {
    if (this.mailbox !== undefined) this.connection.write(keywordLines(this.mailbox))
  }

  /** One at a time; what changes meanwhile is found by another round. */
  async #pushNews(): Promise<void> {
    try {
      do {
        if (this.wantsNews) await this.sendNews(this.#expunges)
        if (this.#notices?.pending) await this.#notices.flush()
      } while (this.#listens && this.#hasNews && !this.gone)
      this.mailbox?.rest()
    } catch (error) {
      this.newsFailed(error)
    }
  }

  /** The selected mailbox cannot be followed any more. */
  newsFailed(error: unknown): void {
    if (error instanceof StoreError && error.kind === 'no-such-mailbox') {
      this.bye('Selected mailbox was deleted, have to disconnect.', 'Selected mailbox was deleted')
      return
    }
    if (!(error instanceof StoreError && error.kind === 'closed')) this.logFault('Cannot read changes', error)
    // Lines are complete, but what the client knows and what we believe may differ: it has to start anew.
    this.bye(
      '[SERVERBUG] Internal error occurred. Refer to server log for more information.',
      'Internal error',
    )
  }
}
