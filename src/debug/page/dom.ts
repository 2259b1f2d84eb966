/** The element of the page's own HTML that has this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element #${id}`)
  return element
}

/** Text is only ever set as text: names of topics, ids of apps and what servers say must never become HTML. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Makes the children of `parent` as many as there are `rows`, and has each one shown; those that are there stay. */
export function eachChild<Row, Child extends Element>(
  parent: Element,
  rows: readonly Row[],
  create: (row: Row) => Child,
  show: (child: Child, row: Row) => void,
): void {
  while (parent.children.length > rows.length) parent.lastElementChild?.remove()
  rows.forEach((row, i) => {
    const child = (parent.children[i] as Child | undefined) ?? parent.appendChild(create(row))
    show(child, row)
  })
}

export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className = ''): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  if (className !== '') element.className = className
  return element
}
