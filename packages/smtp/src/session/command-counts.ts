/** How often each command was said, and how often it was accepted: Postfix's `disconnect from … mail=1 rcpt=0/1`. */
export class CommandCounts {
  readonly all: Record<string, [accepted: number, total: number]> = {}

  /** `name` in lower case. */
  add(name: string, outcome: 'accepted' | 'refused'): void {
    const count = (this.all[name] ??= [0, 0])
    count[1]++
    if (outcome === 'accepted') count[0]++
  }
}
