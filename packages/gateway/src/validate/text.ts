// biome-ignore lint: the control characters are what the expression looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

export function hasControl(text: string): boolean {
  return CONTROL.test(text)
}

export function isBlank(text: string): boolean {
  return text.trim() === ''
}
