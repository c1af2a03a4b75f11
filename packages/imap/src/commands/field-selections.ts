import type { SectionItem } from '../wire/fetch-items.ts'
import { FieldSelection } from '../wire/header-fields.ts'

/** One selection for each HEADER.FIELDS item of a FETCH, used again for every message. */
export class FieldSelections {
  readonly #selections = new Map<SectionItem, FieldSelection>()

  /** Empty. */
  of(item: SectionItem): FieldSelection {
    let selection = this.#selections.get(item)
    if (selection === undefined) {
      selection = new FieldSelection(item.section.names, item.section.what === 'fields' ? 'named' : 'others')
      this.#selections.set(item, selection)
    }
    selection.clear()
    return selection
  }
}
