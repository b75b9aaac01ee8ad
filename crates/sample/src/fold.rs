//! Folds text for searching: case, and the marks of Latin letters, don't matter.
//! It knows nothing of what is searched.

/// `text` in lower case and without marks on Latin letters: `Nguyễn` and `nguyen` fold alike.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ'..='ặ' => folded.push('a'),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => folded.push('c'),
            'ď' | 'đ' | 'ð' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => folded.push('e'),
            'ğ' | 'ģ' => folded.push('g'),
            'ì'..='ï' | 'ĩ' | 'ī' | 'į' | 'ı' | 'ỉ'..='ị' => folded.push('i'),
            'ķ' => folded.push('k'),
            'ĺ' | 'ļ' | 'ľ' | 'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ơ' | 'ọ'..='ợ' => folded.push('o'),
            'ŕ' | 'ř' => folded.push('r'),
            'ś' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ţ' | 'ť' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ũ' | 'ū' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => folded.push('u'),
            'ý' | 'ÿ' | 'ỳ'..='ỹ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ß' => folded.push_str("ss"),
            'þ' => folded.push_str("th"),
            '\u{2019}' => folded.push('\''),
            '\u{2010}' | '\u{2011}' => folded.push('-'),
            // A mark that stands apart from its letter.
            '\u{300}'..='\u{36f}' => (),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn marks_and_case_do_not_matter() {
        for (text, folded) in [
            ("GARCÍA", "garcia"),
            ("Nguyễn", "nguyen"),
            ("Đặng Dương", "dang duong"),
            ("Weiß", "weiss"),
            ("Jørgensen", "jorgensen"),
            ("Yılmaz İnan", "yilmaz inan"),
            ("Cafe\u{301}", "cafe"),
            ("O’Brien-Łukasz", "o'brien-lukasz"),
            ("田中", "田中"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }
}
