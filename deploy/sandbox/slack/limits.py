"""Block Kit's limits as tables: blocks, elements and the small objects inside them.

Where sources disagree the smaller figure stands. A new block is a new row.
"""

from deploy.sandbox.slack.rules import (
    HOME,
    MESSAGE,
    MODAL,
    Anything,
    Choice,
    Flag,
    Number,
    Rows,
    Rule,
    Shape,
    ShapeList,
    Spec,
    Str,
    Text,
    Typed,
    TypedList,
    Url,
    Words,
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


BLOCKS_PER_SURFACE = {MESSAGE: 50, MODAL: 100, HOME: 100}
ID_LENGTH = 255
MARKDOWN_TOTAL = 12_000
PER_MESSAGE = {"table": 1, "data_visualization": 2}
CELL_CHARACTERS = 10_000
BLOCK_TEXT_ADVISED = 10_000
TEXT_ADVISED, TEXT_CUT, UPDATE_TEXT = 4_000, 40_000, 4_000
VIEW_BYTES = 250 * 1024
PRIVATE_METADATA, CALLBACK_ID, VIEW_LABEL = 3_000, 255, 24
METADATA_BYTES = 16_000
OPTION_VALUE_ADVISED = 75

SELECTS = _set("static_select external_select users_select conversations_select channels_select")
MULTI_SELECTS = frozenset(f"multi_{kind}" for kind in SELECTS)
PICKS = _set("checkboxes radio_buttons")
TIMES = _set("datepicker timepicker")
TYPED_INPUTS = _set("plain_text_input number_input email_text_input url_text_input rich_text_input file_input")
IN_SECTION = SELECTS | MULTI_SELECTS | PICKS | TIMES | _set("button image overflow workflow_button")
IN_ACTIONS = SELECTS | PICKS | TIMES | _set("button overflow datetimepicker workflow_button")
IN_INPUT = SELECTS | MULTI_SELECTS | PICKS | TIMES | TYPED_INPUTS | _set("datetimepicker")
IN_CONTEXT = _set("image mrkdwn plain_text")
INTERACTIVE = (IN_SECTION | IN_ACTIONS | IN_INPUT | _set("feedback_buttons icon_button")) - {"image"}
RICH_INLINE = _set("text link user channel emoji date usergroup broadcast color team")
CELLS = _set("raw_text rich_text raw_number")
CONTAINED = _set("actions context divider file header image input rich_text section table video")

SHAPES: dict[str, Spec] = {
    "confirm": Spec(
        {
            "title": Text(100, plain=True),
            "text": Text(300),
            "confirm": Text(30, plain=True),
            "deny": Text(30, plain=True),
            "style": Choice(_set("primary danger")),
        },
        required=_set("title text confirm deny"),
    ),
    "option": Spec(
        {"text": Text(75, plain=True), "value": Str(150, 1), "description": Text(75, plain=True)},
        required=_set("text value"),
    ),
    "overflow_option": Spec(
        {"text": Text(75, plain=True), "value": Str(150, 1), "description": Text(75, plain=True), "url": Url()},
        required=_set("text value"),
    ),
    "rich_option": Spec({"text": Text(75), "value": Str(150, 1), "description": Text(75)}, required=_set("text value")),
    "option_group": Spec(
        {"label": Text(75, plain=True), "options": ShapeList("option", 100)}, required=_set("label options")
    ),
    "filter": Spec(
        {"include": Words(4), "exclude_external_shared_channels": Flag(), "exclude_bot_users": Flag()},
        any_of=_set("include exclude_external_shared_channels exclude_bot_users"),
    ),
    "dispatch_config": Spec({"trigger_actions_on": Words(2)}),
    "slack_file": Spec({"id": Str(255), "url": Url()}, only_one_of=_set("id url")),
    "column_setting": Spec({"align": Choice(_set("left center right")), "is_wrapped": Flag()}),
    "workflow": Spec({"trigger": Anything()}, required=_set("trigger")),
    "feedback_button": Spec(
        {"text": Text(75, plain=True), "value": Str(2000), "accessibility_label": Str(75)}, required=_set("text value")
    ),
    "style": Spec({name: Flag() for name in ("bold", "italic", "strike", "code", "highlight", "client_highlight")}),
}

_COMMON: dict[str, Rule] = {"action_id": Str(ID_LENGTH, 1)}
_CONFIRM: dict[str, Rule] = {"confirm": Shape("confirm")}
_FIELD: dict[str, Rule] = {"placeholder": Text(150, plain=True), "focus_on_load": Flag()}
_PICK: dict[str, Rule] = {**_COMMON, **_CONFIRM, **_FIELD}
_MANY: dict[str, Rule] = {**_PICK, "max_selected_items": Number(1, 100)}
_RESPONSE: dict[str, Rule] = {"response_url_enabled": Flag()}
_OPTIONS: dict[str, Rule] = {"options": ShapeList("option", 100), "option_groups": ShapeList("option_group", 100)}
_TYPED: dict[str, Rule] = {**_COMMON, **_FIELD, "dispatch_action_config": Shape("dispatch_config")}
_CONVERSATION: dict[str, Rule] = {"default_to_current_conversation": Flag(), "filter": Shape("filter")}
_BUTTON: dict[str, Rule] = {
    **_COMMON, **_CONFIRM, "text": Text(75, plain=True), "value": Str(2000), "url": Url(),
    "style": Choice(_set("primary danger")), "accessibility_label": Str(75),
}  # fmt: skip
_EITHER = _set("options option_groups")

ELEMENTS: dict[str, Spec] = {
    "button": Spec(_BUTTON, required=_set("text")),
    "workflow_button": Spec({**_BUTTON, "workflow": Shape("workflow")}, required=_set("text workflow")),
    "icon_button": Spec(
        {**_BUTTON, "icon": Choice(_set("trash")), "visible_to_user_ids": Words(10)}, required=_set("icon text")
    ),
    "feedback_buttons": Spec(
        {**_COMMON, "positive_button": Shape("feedback_button"), "negative_button": Shape("feedback_button")},
        required=_set("positive_button negative_button"),
    ),
    "static_select": Spec({**_PICK, **_OPTIONS, "initial_option": Shape("option")}, only_one_of=_EITHER),
    "multi_static_select": Spec(
        {**_MANY, **_OPTIONS, "initial_options": ShapeList("option", 100)}, only_one_of=_EITHER
    ),
    "external_select": Spec({**_PICK, "min_query_length": Number(0, 3000), "initial_option": Shape("option")}),
    "multi_external_select": Spec(
        {**_MANY, "min_query_length": Number(0, 3000), "initial_options": ShapeList("option", 100)}
    ),
    "users_select": Spec({**_PICK, "initial_user": Str(20)}),
    "multi_users_select": Spec({**_MANY, "initial_users": Words(100)}),
    "conversations_select": Spec({**_PICK, **_RESPONSE, **_CONVERSATION, "initial_conversation": Str(20)}),
    "multi_conversations_select": Spec({**_MANY, **_CONVERSATION, "initial_conversations": Words(100)}),
    "channels_select": Spec({**_PICK, **_RESPONSE, "initial_channel": Str(20)}),
    "multi_channels_select": Spec({**_MANY, "initial_channels": Words(100)}),
    "overflow": Spec({**_COMMON, **_CONFIRM, "options": ShapeList("overflow_option", 5)}, required=_set("options")),
    "checkboxes": Spec(
        {
            **_COMMON,
            **_CONFIRM,
            "focus_on_load": Flag(),
            "options": ShapeList("rich_option", 10),
            "initial_options": ShapeList("rich_option", 10),
        },
        required=_set("options"),
    ),
    "radio_buttons": Spec(
        {
            **_COMMON,
            **_CONFIRM,
            "focus_on_load": Flag(),
            "options": ShapeList("rich_option", 10),
            "initial_option": Shape("rich_option"),
        },
        required=_set("options"),
    ),
    "datepicker": Spec({**_PICK, "initial_date": Str(10, 10, r"\d{4}-\d\d-\d\d")}),
    "timepicker": Spec({**_PICK, "initial_time": Str(5, 5, r"[0-2]\d:[0-5]\d"), "timezone": Str(64)}),
    "datetimepicker": Spec(
        {**_COMMON, **_CONFIRM, "focus_on_load": Flag(), "initial_date_time": Number(10**9, 10**10 - 1)},
        surfaces=frozenset({MESSAGE, MODAL}),
    ),
    "plain_text_input": Spec(
        {
            **_TYPED,
            "initial_value": Str(3000),
            "multiline": Flag(),
            "min_length": Number(0, 3000),
            "max_length": Number(1, 3000),
        }
    ),
    "number_input": Spec(
        {
            **_TYPED,
            "is_decimal_allowed": Flag(),
            "initial_value": Str(40),
            "min_value": Str(40),
            "max_value": Str(40),
        },
        required=_set("is_decimal_allowed"),
    ),
    "email_text_input": Spec({**_TYPED, "initial_value": Str(3000)}),
    "url_text_input": Spec({**_TYPED, "initial_value": Str(3000)}),
    "rich_text_input": Spec(
        {**_TYPED, "initial_value": Anything(), "min_lines": Number(1, 100), "max_lines": Number(1, 100)}
    ),
    "file_input": Spec({**_COMMON, "filetypes": Words(100), "max_files": Number(1, 10)}, surfaces=frozenset({MODAL})),
    "image": Spec(
        {"alt_text": Str(2000, 1), "image_url": Url(), "slack_file": Shape("slack_file")},
        required=_set("alt_text"),
        only_one_of=_set("image_url slack_file"),
    ),
    "url_source": Spec({"url": Url(), "text": Str(300)}, required=_set("url text")),
}

_STYLE: dict[str, Rule] = {"style": Shape("style")}
_LIST_LOOK: dict[str, Rule] = {"border": Number(0, 1)}
_INLINE: dict[str, Rule] = {"elements": TypedList(RICH_INLINE, 1000, 0)}

RICH: dict[str, Spec] = {
    "rich_text_section": Spec(_INLINE, required=_set("elements")),
    "rich_text_quote": Spec({**_INLINE, **_LIST_LOOK}, required=_set("elements")),
    "rich_text_preformatted": Spec({**_INLINE, **_LIST_LOOK, "language": Str(50)}, required=_set("elements")),
    "rich_text_list": Spec(
        {
            **_LIST_LOOK,
            "elements": TypedList(_set("rich_text_section"), 1000, 0),
            "indent": Number(0, 8),
            "style": Choice(_set("bullet ordered")),
            "offset": Number(0, 10_000),
        },
        required=_set("elements style"),
    ),
    "text": Spec({**_STYLE, "text": Str(3000, 1)}, required=_set("text")),
    "link": Spec({**_STYLE, "url": Url(), "text": Str(3000), "unsafe": Flag()}, required=_set("url")),
    "user": Spec({**_STYLE, "user_id": Str(20, 1)}, required=_set("user_id")),
    "channel": Spec({**_STYLE, "channel_id": Str(20, 1)}, required=_set("channel_id")),
    "usergroup": Spec({**_STYLE, "usergroup_id": Str(20, 1)}, required=_set("usergroup_id")),
    "team": Spec({**_STYLE, "team_id": Str(20, 1)}, required=_set("team_id")),
    "emoji": Spec({**_STYLE, "name": Str(100, 1), "unicode": Str(100), "skin_tone": Number(1, 6)}, _set("name")),
    "date": Spec(
        {**_STYLE, "timestamp": Number(0, 10**11), "format": Str(300, 1), "url": Url(), "fallback": Str(300)},
        required=_set("timestamp format"),
    ),
    "broadcast": Spec({"range": Choice(_set("here channel everyone"))}, required=_set("range")),
    "color": Spec({"value": Str(20, 1)}, required=_set("value")),
    "raw_text": Spec({"text": Str(3000, 1)}, required=_set("text")),
    "raw_number": Spec({"value": Anything(), "text": Str(100)}, required=_set("value")),
}

_MESSAGES = frozenset({MESSAGE})
_LINES = _set("rich_text_section rich_text_list rich_text_quote rich_text_preformatted")

BLOCKS: dict[str, Spec] = {
    "section": Spec(
        {"text": Text(3000), "fields": Anything(), "accessory": Typed(IN_SECTION), "expand": Flag()},
        any_of=_set("text fields"),
    ),
    "header": Spec({"text": Text(150, plain=True)}, required=_set("text")),
    "divider": Spec({}),
    "context": Spec({"elements": TypedList(IN_CONTEXT, 10)}, required=_set("elements")),
    "actions": Spec({"elements": TypedList(IN_ACTIONS, 25)}, required=_set("elements")),
    "context_actions": Spec(
        {"elements": TypedList(_set("feedback_buttons icon_button"), 5)}, _set("elements"), surfaces=_MESSAGES
    ),
    "image": Spec(
        {
            "alt_text": Str(2000, 1),
            "title": Text(2000, plain=True),
            "image_url": Url(),
            "slack_file": Shape("slack_file"),
        },
        required=_set("alt_text"),
        only_one_of=_set("image_url slack_file"),
    ),
    "input": Spec(
        {
            "label": Text(2000, plain=True),
            "hint": Text(2000, plain=True),
            "element": Typed(IN_INPUT),
            "optional": Flag(),
            "dispatch_action": Flag(),
        },
        required=_set("label element"),
    ),
    "rich_text": Spec({"elements": TypedList(_LINES, 1000)}, required=_set("elements")),
    "markdown": Spec({"text": Str(MARKDOWN_TOTAL, 1)}, required=_set("text"), surfaces=_MESSAGES),
    "table": Spec(
        {"rows": Rows(CELLS, 100, 20), "column_settings": ShapeList("column_setting", 20)},
        required=_set("rows"),
        surfaces=_MESSAGES,
    ),
    "video": Spec(
        {
            "alt_text": Str(2000, 1),
            "title": Text(199, plain=True),
            "thumbnail_url": Url(),
            "video_url": Url(),
            "author_name": Str(49),
            "description": Text(199, plain=True),
            "provider_icon_url": Url(),
            "provider_name": Str(100),
            "title_url": Url(),
        },
        required=_set("alt_text title thumbnail_url video_url"),
    ),
    "data_table": Spec(
        {
            "caption": Str(300, 1),
            "rows": Rows(CELLS, 101, 20, equal=True),
            "page_size": Number(1, 100),
            "row_header_column_index": Number(0, 19),
        },
        required=_set("caption rows"),
        surfaces=_MESSAGES,
    ),
    "data_visualization": Spec(
        {"title": Str(50, 1), "chart": Anything()}, required=_set("title chart"), surfaces=_MESSAGES
    ),
    "alert": Spec(
        {"text": Text(200), "level": Choice(_set("default info warning error success"))},
        required=_set("text"),
        surfaces=frozenset({MODAL}),
    ),
    "card": Spec(
        {
            "title": Text(150),
            "subtitle": Text(150),
            "body": Text(200),
            "subtext": Text(200),
            "hero_image": Typed(_set("image")),
            "icon": Typed(_set("image")),
            "slack_icon": Anything(),
            "actions": TypedList(_set("button"), 3),
        },
        any_of=_set("hero_image title actions body"),
    ),
    "carousel": Spec(
        {"elements": TypedList(_set("card"), 10)}, required=_set("elements"), surfaces=frozenset({MESSAGE, HOME})
    ),
    "container": Spec(
        {
            "title": Text(150),
            "rich_text_title": Anything(),
            "subtitle": Text(150),
            "child_blocks": TypedList(CONTAINED, 10),
            "width": Choice(_set("narrow standard wide full")),
            "is_collapsible": Flag(),
            "default_collapsed": Flag(),
            "has_header_divider": Flag(),
        },
        required=_set("child_blocks"),
        any_of=_set("title rich_text_title"),
    ),
    "task_card": Spec(
        {
            "task_id": Str(255, 1),
            "title": Str(300, 1),
            "status": Choice(_set("in_progress complete error")),
            "details": Typed(_set("rich_text")),
            "output": Typed(_set("rich_text")),
            "sources": Anything(),
        },
        required=_set("task_id title"),
        surfaces=_MESSAGES,
    ),
    "plan": Spec(
        {"title": Str(300, 1), "tasks": ShapeList("task", 50)}, required=_set("title tasks"), surfaces=_MESSAGES
    ),
}

SHAPES["task"] = Spec(
    {
        **BLOCKS["task_card"].fields,
        "type": Str(20),
        "block_id": Str(ID_LENGTH),
        "status": Choice(_set("pending in_progress complete error")),
    },
    required=_set("task_id title"),
)
