//! The names of a first run's people and organisations, from many parts of the world.
//! It knows nothing of their records.

use super::pick;

/// What is said of one person.
pub(super) struct Person {
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) female: bool,
}

/// Names that go together: five women's, five men's, ten families'.
struct Names {
    women: [&'static str; 5],
    men: [&'static str; 5],
    families: [&'static str; 10],
}

/// The person number `number` (from 0, at most 20 of each) of the group `group` (from 1; past the last it starts over).
pub(super) fn person(group: usize, number: usize) -> Person {
    let names = GROUPS.get(group.wrapping_sub(1) % GROUPS.len()).unwrap_or(&FIRST_GROUP);
    let turn = (number * 3 + group) % 10;
    // From the tenth on the first names come again, each with another family's.
    let last_name = pick(&names.families, number + number / 10 * 3);
    let female = turn.is_multiple_of(2);
    let first_name = pick(if female { &names.women } else { &names.men }, turn / 2);
    Person { first_name, last_name, female }
}

/// The organisations, in the order of their ids.
pub(super) const ORGANIZATIONS: [&str; 20] = [
    "Tidewater Literacy Council",
    "Harbour Street Food Bank",
    "Saint Brigid's Parish Hall",
    "Northern Lights Youth Orchestra",
    "Cedar and Pine Foundation",
    "Lowcountry Bird Rescue",
    "Riverside Evening Choir",
    "Shared Gardens Association",
    "Kestrel Valley Land Trust",
    "Two Bridges Legal Clinic",
    "Casa Abierta Community Centre",
    "Hollow Oak Hospice",
    "Quarry Lane Allotment Society",
    "Museum of Small Machines",
    "Union Square Night School",
    "Lantern Theatre Company",
    "Good Neighbour Repair Shop",
    "Saltmarsh Sailing for All",
    "Maple Street Mosque Kitchen",
    "Friends of the Old Library",
];

const FIRST_GROUP: Names = Names {
    women: ["Margaret", "Helen", "Ruth", "Claire", "Joanna"],
    men: ["Thomas", "Edwin", "George", "Peter", "Colin"],
    families: [
        "Whitfield",
        "Harcourt",
        "Pembroke",
        "Langley",
        "Ashworth",
        "Thornton",
        "Radcliffe",
        "Fairbank",
        "Merrick",
        "Holloway",
    ],
};

const GROUPS: [Names; 17] = [
    FIRST_GROUP,
    Names {
        women: ["Siobhán", "Aoife", "Niamh", "Mairead", "Fiona"],
        men: ["Cormac", "Declan", "Ruairí", "Alasdair", "Fergus"],
        families: [
            "O'Donnell",
            "Byrne",
            "Gallagher",
            "MacLeod",
            "Kinsella",
            "Sutherland",
            "Kavanagh",
            "MacAllister",
            "Brennan",
            "Quigley",
        ],
    },
    Names {
        women: ["Adaeze", "Ngozi", "Folake", "Amina", "Ifeoma"],
        men: ["Chidi", "Emeka", "Babatunde", "Ibrahim", "Tunde"],
        families: ["Okafor", "Adeyemi", "Nwosu", "Balogun", "Eze", "Bello", "Okonkwo", "Adebayo", "Uche", "Danjuma"],
    },
    Names {
        women: ["Akosua", "Abena", "Wanjiru", "Makena", "Selam"],
        men: ["Kwame", "Kofi", "Kamau", "Otieno", "Dawit"],
        families: [
            "Mensah", "Owusu", "Boateng", "Kariuki", "Mwangi", "Odhiambo", "Asante", "Tesfaye", "Njoroge", "Bekele",
        ],
    },
    Names {
        women: ["Priya", "Ananya", "Lakshmi", "Meera", "Kavita"],
        men: ["Arjun", "Vikram", "Rajesh", "Sanjay", "Harish"],
        families: [
            "Iyer",
            "Sharma",
            "Banerjee",
            "Reddy",
            "Deshpande",
            "Nair",
            "Chaudhary",
            "Kulkarni",
            "Menon",
            "Patel",
        ],
    },
    Names {
        women: ["Ayesha", "Nusrat", "Farzana", "Sadia", "Rukhsana"],
        men: ["Imran", "Tariq", "Kamal", "Rashid", "Asif"],
        families: [
            "Siddiqui",
            "Chowdhury",
            "Malik",
            "Rahman",
            "Qureshi",
            "Hossain",
            "Baig",
            "Akhtar",
            "Mirza",
            "Sarkar",
        ],
    },
    Names {
        women: ["Mei", "Xiulan", "Jing", "Lihua", "Yan"],
        men: ["Wei", "Jun", "Haoran", "Zhiming", "Guowei"],
        families: ["Chen", "Zhao", "Huang", "Liang", "Xu", "Zhou", "Lin", "Guo", "Tang", "Deng"],
    },
    Names {
        women: ["Haruka", "Yumi", "Sachiko", "Emi", "Naoko"],
        men: ["Kenji", "Takashi", "Hiroshi", "Daisuke", "Makoto"],
        families: [
            "Tanaka",
            "Nakamura",
            "Yamamoto",
            "Fujimoto",
            "Kobayashi",
            "Ishikawa",
            "Matsuda",
            "Okada",
            "Shimizu",
            "Hayashi",
        ],
    },
    Names {
        women: ["Ji-woo", "Soo-jin", "Eun-ji", "Hye-rin", "Min-seo"],
        men: ["Min-jun", "Seung-ho", "Dong-hyun", "Jae-won", "Tae-yang"],
        families: ["Kim", "Park", "Choi", "Jung", "Kang", "Yoon", "Lim", "Han", "Shin", "Bae"],
    },
    Names {
        women: ["Thảo", "Lan", "Ngọc", "Hạnh", "Mai"],
        men: ["Minh", "Tuấn", "Quang", "Huy", "Long"],
        families: ["Nguyễn", "Trần", "Phạm", "Lê", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Dương"],
    },
    Names {
        women: ["Esperanza", "Lucía", "Ximena", "Carmen", "Paloma"],
        men: ["Alejandro", "Mateo", "Joaquín", "Rafael", "Ignacio"],
        families: [
            "García",
            "Quiñones",
            "Villanueva",
            "Castañeda",
            "Ibarra",
            "Morales",
            "Echeverría",
            "Rivas",
            "Fuentes",
            "Zamora",
        ],
    },
    Names {
        women: ["Beatriz", "Inês", "Luana", "Teresa", "Fernanda"],
        men: ["Thiago", "João", "Caetano", "Rui", "Gonçalo"],
        families: [
            "Almeida",
            "Carvalho",
            "Figueiredo",
            "Nogueira",
            "Magalhães",
            "Teixeira",
            "Pinheiro",
            "Araújo",
            "Brandão",
            "Fonseca",
        ],
    },
    Names {
        women: ["Layla", "Noor", "Samira", "Hanan", "Yasmin"],
        men: ["Omar", "Khalil", "Yusuf", "Nabil", "Tarek"],
        families: [
            "Haddad",
            "Mansour",
            "Khoury",
            "Al-Rashid",
            "Nassar",
            "Saleh",
            "Darwish",
            "Farah",
            "Hamdan",
            "Sabbagh",
        ],
    },
    Names {
        women: ["Shirin", "Leyla", "Zeynep", "Anahit", "Parisa"],
        men: ["Cyrus", "Emre", "Aram", "Kaveh", "Mehmet"],
        families: [
            "Tehrani",
            "Yılmaz",
            "Petrosyan",
            "Farahani",
            "Demir",
            "Sarkisian",
            "Azadi",
            "Öztürk",
            "Kaplan",
            "Rostami",
        ],
    },
    Names {
        women: ["Agnieszka", "Zofia", "Oksana", "Milena", "Halina"],
        men: ["Wojciech", "Tomasz", "Andriy", "Pavel", "Bohdan"],
        families: [
            "Kowalczyk",
            "Nowak",
            "Szewczyk",
            "Shevchenko",
            "Kravchuk",
            "Wójcik",
            "Bondarenko",
            "Mazur",
            "Łukaszewicz",
            "Dudek",
        ],
    },
    Names {
        women: ["Ingrid", "Annika", "Katrin", "Solveig", "Heike"],
        men: ["Lars", "Jürgen", "Matthias", "Søren", "Björn"],
        families: [
            "Lindqvist",
            "Schröder",
            "Bergström",
            "Hoffmann",
            "Jørgensen",
            "Weiß",
            "Nygård",
            "Krämer",
            "Halvorsen",
            "Baumann",
        ],
    },
    Names {
        women: ["Chiara", "Eleni", "Giulia", "Margaux", "Despina"],
        men: ["Matteo", "Nikos", "Lorenzo", "Étienne", "Stavros"],
        families: [
            "Bianchi",
            "Papadakis",
            "Moretti",
            "Lefèvre",
            "Ferraro",
            "Kostas",
            "Beaumont",
            "Rinaldi",
            "Vlahos",
            "Delacroix",
        ],
    },
];
