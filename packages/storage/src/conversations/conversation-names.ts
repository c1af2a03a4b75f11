/** A message whose conversation has no name yet. Identifiers as `conversationKey` makes them. */
export interface UnnamedMessage {
  readonly messageId: number
  readonly own: string | undefined
  /** The oldest first. */
  readonly references: readonly string[]
}

export interface ConversationNames {
  /** As the messages that were given. */
  readonly messages: readonly string[]
  /** Of identifiers that had none, also of messages that nobody has. */
  readonly identifiers: ReadonlyMap<string, string>
}

/**
 * Names conversations as THREAD=REFERENCES (RFC 5256 §3) would group their messages, subjects aside: a message belongs
 * to what it says it answers, a missing one to what the first message that names it says. What has a name keeps it, and
 * gives it to what joins it. A new name is the identifier that all this begins with, or the number of a message that has
 * none.
 * @param messages in the order in which they came
 * @param knownName of an identifier, from before
 */
export const conversationNames = (
  messages: readonly UnnamedMessage[],
  knownName: (identifier: string) => string | undefined,
): ConversationNames => {
  const answers = new Answers(knownName)
  for (const message of messages) answers.addMessage(message)
  for (const { references } of messages) answers.addMentions(references)
  for (const { own, references } of messages) {
    if (own !== undefined) answers.bringTogether(own)
    for (const identifier of references) answers.bringTogether(identifier)
  }
  const identifiers = new Map<string, string>()
  for (const { own, references } of messages)
    for (const identifier of own === undefined ? references : [own, ...references])
      if (!answers.wasKnown(identifier)) identifiers.set(identifier, answers.nameOf(identifier))
  return { messages: messages.map((message) => answers.nameOf(nodeOf(message))), identifiers }
}

/** Messages with one identifier are one: a list's copy and the sender's belong together. */
const nodeOf = ({ messageId, own }: UnnamedMessage): string => own ?? `${withoutIdentifier}${messageId}`
const withoutIdentifier = '#'

class Answers {
  readonly #knownName: (identifier: string) => string | undefined
  /** What a node answers. Free of loops. */
  readonly #parents = new Map<string, string>()
  readonly #present = new Set<string>()
  readonly #names = new Map<string, string>()
  /** What `knownName` said; '' for nothing. */
  readonly #asked = new Map<string, string>()

  constructor(knownName: (identifier: string) => string | undefined) {
    this.#knownName = knownName
  }

  addMessage(message: UnnamedMessage): void {
    const node = nodeOf(message)
    if (this.#present.has(node)) return
    this.#present.add(node)
    const parent = message.references.at(-1)
    if (parent !== undefined) this.#link(node, parent)
  }

  addMentions(references: readonly string[]): void {
    for (let at = 1; at < references.length; at++) {
      const node = references[at]!
      if (!this.#present.has(node) && !this.#parents.has(node)) this.#link(node, references[at - 1]!)
    }
  }

  #link(node: string, parent: string): void {
    for (let at: string | undefined = parent; at !== undefined; at = this.#parents.get(at))
      if (at === node) return
    this.#parents.set(node, parent)
  }

  /** An answer that came, and was named, before what it answers: its name is that of all above it. */
  bringTogether(node: string): void {
    const name = this.#given(node)
    if (name === undefined) return
    let top = this.#parents.get(node)
    while (top !== undefined && this.#given(top) === undefined) {
      const above = this.#parents.get(top)
      if (above === undefined) this.#names.set(top, name)
      top = above
    }
  }

  nameOf(node: string): string {
    const path: string[] = []
    let top = node
    for (let above: string | undefined = node; above !== undefined; above = this.#parents.get(top)) {
      top = above
      if (this.#given(top) !== undefined) break
      path.push(top)
    }
    const name =
      this.#given(top) ?? (top.startsWith(withoutIdentifier) ? top.slice(withoutIdentifier.length) : top)
    for (const passed of path) this.#names.set(passed, name)
    return name
  }

  wasKnown(identifier: string): boolean {
    return this.#known(identifier) !== undefined
  }

  #given(node: string): string | undefined {
    return this.#names.get(node) ?? this.#known(node)
  }

  #known(node: string): string | undefined {
    let name = this.#asked.get(node)
    if (name === undefined) {
      name = node.startsWith(withoutIdentifier) ? '' : (this.#knownName(node) ?? '')
      this.#asked.set(node, name)
    }
    return name === '' ? undefined : name
  }
}
