export { createScreen, pregreetRefusal, type Screen, type ScreenedClient, type Screening } from './screen.ts'
export type { ScreenAction, ScreenOptions } from './screen-options.ts'
