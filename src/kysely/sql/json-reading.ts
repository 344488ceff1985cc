/** How values are read out of a document of JSON, as text; NULL where there is none. */
export interface JsonReading {
  /** The value at the end of these members. */
  text(column: string, members: readonly string[], place: Place): string;
  /**
   * Of the primary element of the list at the end of these members, or else of the first, what is at the end of
   * `inner`.
   */
  primaryText(
    column: string,
    members: readonly string[],
    inner: readonly string[],
    place: Place,
  ): string;
}

type Place = (value: unknown) => string;

export const sqliteReading: JsonReading = {
  text: sqliteText,
  primaryText: (column, members, inner, place) => `(select ${
    inner.length === 0
      ? "e.atom"
      : `case e.type when 'object' then ${sqliteText("e.value", inner, place)} end`
  } from json_each(${column}, ${place(pathOf(members))}) as e
      order by coalesce(json_extract(case e.type when 'object' then e.value end, '$.primary'), 0) desc, e.id limit 1)`,
};

export const postgresReading: JsonReading = {
  text: (column, members, place) => postgresText(`cast(${column} as jsonb)`, members, place),
  primaryText(column, members, inner, place) {
    const list = postgresMember(`cast(${column} as jsonb)`, members, place);
    const elements = `case jsonb_typeof(${list}) when 'array' then ${postgresMember(`cast(${column} as jsonb)`, members, place)} end`;
    return `(select ${postgresText("e.value", inner, place)}
        from jsonb_array_elements(${elements}) with ordinality as e(value, place)
        order by ((e.value -> 'primary') = cast('true' as jsonb)) is true desc, e.place limit 1)`;
  },
};

export const mariadbReading: JsonReading = {
  text: (column, members, place) => mariadbText(column, members, place),
  primaryText: (column, members, inner, place) => `(select ${mariadbText("e.value", inner, place)}
      from json_table(json_extract(${column}, ${place(pathOf(members))}), '$[*]'
        columns (place for ordinality, value json path '$', is_primary varchar(5) path '$.primary')) as e
      order by coalesce(e.is_primary in ('1', 'true'), 0) desc, e.place limit 1)`,
};

function sqliteText(json: string, members: readonly string[], place: Place): string {
  const path = pathOf(members);
  return `case json_type(${json}, ${place(path)}) when 'true' then 'true' when 'false' then 'false'
    else ${json} ->> ${place(path)} end`;
}

function postgresMember(json: string, members: readonly string[], place: Place): string {
  return members.reduce((inside, name) => `(${inside} -> cast(${place(name)} as text))`, json);
}

function postgresText(json: string, members: readonly string[], place: Place): string {
  return `(${postgresMember(json, members, place)} #>> '{}')`;
}

function mariadbText(json: string, members: readonly string[], place: Place): string {
  const path = pathOf(members);
  return `json_unquote(nullif(json_extract(${json}, ${place(path)}), 'null'))`;
}

function pathOf(members: readonly string[]): string {
  return `$${members.map((name) => `."${name}"`).join("")}`;
}

/** The path of a member of the outermost object; the names of SCIM attributes hold no quotation mark. */
export function jsonPath(name: string): string {
  return `$."${name}"`;
}
